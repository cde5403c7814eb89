"""Operators make webhooks and retry failed emails from the command line."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update
from sqlalchemy.engine import make_url

from service.cli import main
from service.domain.consent import Evidence
from service.services import Services
from service.store.database import open_engine
from service.store.tables.delivery import OutboxMessage
from service.usecases.signup.subscribe import SignupRequest
from tests.conftest import make_settings


class Shell:
    """The command on one database of its own."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, *words: str) -> Result:
        keys = ("SECRET_KEY", "ADDRESS_HASH_KEY", "RECEIPT_KEY")
        environment = {f"NEWSFLASH_{name}": f"{name}-for-tests-{'0' * 40}" for name in keys}
        environment["NEWSFLASH_DATABASE_URL"] = self.url
        return CliRunner().invoke(main, words, env=environment)


@pytest.fixture
def shell(sqlite_url: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(str(sqlite_url))


def test_a_webhook_is_made_shown_and_removed(shell: Shell) -> None:
    made = shell("webhooks", "create", "https://example.org/h", "--event", "subscriber.erased")
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("whsec_")
    assert made.stdout.count("\n") == 1
    shown = shell("webhooks", "show").stdout
    assert "enabled  every list  subscriber.erased  https://example.org/h" in shown
    assert made.stdout.strip() not in shown
    id_ = shown.split()[0]
    assert shell("webhooks", "delete", id_).exit_code == 0
    assert shell("webhooks", "show").stdout == ""
    assert f"There is no webhook {id_}" in shell("webhooks", "delete", id_).output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["http://example.org/"], "url: Use https"),
        (["https://example.org/", "--list", "nowhere"], "There is no list 'nowhere'"),
        (["https://example.org/", "--event", "x"], "Invalid value"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused_in_a_line(
    shell: Shell, words: list[str], said: str
) -> None:
    result = shell("webhooks", "create", *words)
    assert result.exit_code != 0
    assert said in result.output


def on(url: str, folder: Path) -> Services:
    """Return the use cases on the command's database."""
    return Services(make_settings(make_url(url), folder), open_engine(make_url(url)))


@pytest.fixture
def failed(shell: Shell, tmp_path: Path) -> list[str]:
    """Two failed emails."""
    services = on(shell.url, tmp_path)
    for name in ("a", "b"):
        services.subscribe(
            SignupRequest(email=f"{name}@example.org", lists=(), evidence=Evidence())
        )
    with services.engine.begin() as connection:
        connection.execute(update(OutboxMessage).values(status="failed", last_error="postmark_300"))
        found = [str(id_) for id_ in connection.scalars(select(OutboxMessage.id))]
    services.close()
    return sorted(found)


def test_failed_email_is_listed_and_retried(shell: Shell, failed: list[str]) -> None:
    listed = shell("outbox", "list").stdout
    assert [line.split()[0] for line in listed.splitlines()] == failed[::-1]
    assert "news-flash" in listed
    assert "postmark_300" in listed
    assert "@" not in listed
    assert shell("outbox", "retry", failed[0]).stdout == f"{failed[0]} queued\n"
    assert "This email has not failed." in shell("outbox", "retry", failed[0]).output
    assert shell("outbox", "retry", "--all-failed").stdout == "1 queued\n"
    assert shell("outbox", "list").stdout == ""


@pytest.mark.parametrize("words", [[], ["--all-failed", "01a20c9a-7ce2-74ad-853b-9549926ea004"]])
def test_what_to_retry_has_to_be_said(shell: Shell, words: list[str]) -> None:
    assert "Give message ids or --all-failed." in shell("outbox", "retry", *words).output


def test_what_a_backup_had_queued_is_dropped(shell: Shell, tmp_path: Path) -> None:
    services = on(shell.url, tmp_path)
    services.subscribe(SignupRequest(email="ada@example.org", lists=(), evidence=Evidence()))
    services.close()
    assert shell("outbox", "drop", "--created-before", "2020-01-01T00:00:00Z").stdout == (
        "0 dropped\n"
    )
    assert " confirm " in shell("outbox", "list", "--status", "queued").stdout
    assert shell("outbox", "drop", "--created-before", "2100-01-01T00:00:00Z").stdout == (
        "1 dropped\n"
    )
    assert shell("outbox", "list", "--status", "queued").stdout == ""
    assert "dropped" in shell("outbox", "list", "--status", "withheld").stdout
    assert "outbox.dropped" in shell("audit").stdout
