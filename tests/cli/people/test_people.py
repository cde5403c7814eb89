"""The commands about people, suppressions and the audit log, as typed."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

PEOPLE = (
    "email,status,confirmed_at,source,name\n"
    "ada@example.org,confirmed,2025-01-02T03:04:05Z,shop,Ada\n"
    "bob@example.org,pending,,,\n"
)


def told(run: Run, *words: str) -> Any:
    """Run a command that has to go well, and return its JSON."""
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def people(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE)
    assert run("subscribers", "import", str(file)).exit_code == 0


@pytest.mark.usefixtures("people")
def test_people_are_found_page_by_page(run: Run):
    first = told(run, "subscribers", "list", "--limit", "1")
    assert [each["email"] for each in first["subscribers"]] == ["ada@example.org"]
    second = told(run, "subscribers", "list", "--cursor", first["next_cursor"])
    assert [each["email"] for each in second["subscribers"]] == ["bob@example.org"]
    line = run("subscribers", "list", "--search", "ada", "--status", "confirmed").stdout
    id_ = first["subscribers"][0]["id"]
    assert line == f"{id_}  ada@example.org  news-flash=confirmed  Ada\n"
    assert run("subscribers", "list", "--list", "nowhere").exit_code == 1
    assert run("subscribers", "list", "--cursor", "x").exit_code == 1


@pytest.mark.usefixtures("people")
def test_a_person_is_shown_corrected_taken_off_and_erased(run: Run):
    shown = run("subscribers", "show", "ada@example.org").stdout
    assert "name: Ada\n" in shown
    assert "list: news-flash  confirmed  since 2025-01-02T03:04:05" in shown
    change = ("subscribers", "change", "ada@example.org")
    changed = told(run, *change, "--name", "Ada L.", "--attributes", '{"plan": "gold"}')
    assert (changed["name"], changed["attributes"]) == ("Ada L.", {"plan": "gold"})
    assert told(run, *change, "--name", "")["name"] is None
    assert told(run, *change, "--empty", "attributes")["attributes"] is None
    deep = '{"a": %s}' % ("[" * 400 + "]" * 400)
    for wrong in ("[1]", "{", '{"a": 1e999}', deep):
        refused = run(*change, "--attributes", wrong)
        assert (refused.exit_code, refused.stderr[:19]) == (1, "Error: attributes: ")
    assert run(*change, "--locale", "not a locale").stderr == (
        "Error: locale: Use a language tag, such as en or de-AT.\n"
    )
    assert run(*change).exit_code == 2
    assert run("subscribers", "receipt", changed["id"]).stdout.startswith("{")
    off = run("subscribers", "unsubscribe", "ada@example.org", "--list", "news-flash")
    assert off.exit_code == 0, off.output
    (held,) = told(run, "subscribers", "show", changed["id"])["subscriptions"]
    assert (held["status"], held["ended_reason"]) == ("unsubscribed", "admin")
    assert run("subscribers", "erase", changed["id"]).exit_code == 0
    gone = run("subscribers", "show", changed["id"])
    assert (gone.exit_code, "There is no subscriber" in gone.output) == (1, True)


def test_an_address_is_suppressed_and_lifted(run: Run):
    added = told(run, "suppressions", "add", "ada@example.org", "--note", "asked by phone")
    assert added["reason"] == "manual"
    line = run("suppressions", "list", "--email", "ada@example.org").stdout
    assert line.startswith(f"{added['address_hash']}  manual  ")
    assert line.endswith("  ada@example.org  asked by phone\n")
    assert told(run, "suppressions", "list")["suppressions"] == [added]
    assert run("suppressions", "lift", "ada@example.org").exit_code == 0
    assert run("suppressions", "lift", added["address_hash"]).exit_code == 1
    assert run("suppressions", "lift", added["address_hash"], "--reason", "erased").exit_code == 1
    assert run("suppressions", "add", "nobody").exit_code == 1
    actions = [each["action"] for each in told(run, "audit", "--limit", "2")["entries"]]
    assert actions == ["suppression.lifted", "suppression.added"]
    assert "command line  suppression.added" in run("audit").stdout


def test_lists_and_texts_are_changed(run: Run, tmp_path: Path):
    made = told(run, "lists", "create", "extra", "--name", "Extra", "--origin", "https://a.example")
    assert made["origins"] == ["https://a.example"]
    changed = told(run, "lists", "change", "extra", "--name", "More", "--empty", "origins")
    assert (changed["name"], changed["origins"]) == ("More", [])
    assert told(run, "lists", "show", "extra") == changed
    assert len(told(run, "lists", "show")["lists"]) == 2
    assert run("lists", "change", "extra").exit_code == 2
    assert run("lists", "change", "nowhere", "--name", "X").exit_code == 1
    file = tmp_path / "text"
    file.write_text("You agree.")
    text = told(run, "consent-texts", "add", "extra", str(file), "--locale", "de")
    assert told(run, "consent-texts", "show", "extra")["consent_texts"] == [text]
    wrong = run("consent-texts", "add", "extra", str(file), "--locale", "not one")
    assert (wrong.exit_code, wrong.stderr[:19]) == (1, "Error: locale: Use ")


def test_a_webhook_is_changed_and_its_calls_are_shown(run: Run):
    made = told(run, "webhooks", "create", "https://example.org/h")
    assert made.pop("secret").startswith("whsec_")
    change = ("webhooks", "change", made["id"])
    changed = told(run, *change, "--disable", "--list", "news-flash")
    assert (changed["is_enabled"], changed["list"]) == (False, "news-flash")
    assert told(run, *change, "--enable", "--every-list") == made
    assert told(run, "webhooks", "show", made["id"]) == made
    assert told(run, "webhooks", "show")["webhooks"] == [made]
    assert told(run, "webhooks", "attempts", made["id"]) == {"attempts": [], "next_cursor": None}
    assert run(*change).exit_code == 2
    assert run("webhooks", "attempts", "0197f000-0000-7000-8000-000000000000").exit_code == 1


def test_what_waits_for_a_person_reads_as_json(run: Run):
    assert told(run, "outbox", "list", "--status", "any") == {"messages": [], "next_cursor": None}
    assert told(run, "held", "list") == {"held": [], "next_cursor": None}


def test_all_links_are_ended_at_once(run: Run):
    assert "/admin/sign-in/" in run("admin-link").stdout
    assert run("admin-link", "--revoke-all").stdout == "0 sessions ended, 1 links revoked\n"
    assert told(run, "audit", "--limit", "1")["entries"][0]["action"] == "sign_in_links.revoked"
    assert run("admin-link", "--end-sessions").stdout == "0 sessions ended, 0 links revoked\n"
    assert told(run, "audit", "--limit", "1")["entries"][0]["action"] == "sessions.ended"
