"""Proof of consent from the command line: exported here, checked where there is no database."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.domain.consent import Evidence
from service.usecases.signup.subscribe import SignupRequest
from tests.ledger_checker import check

KEY = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"


@pytest.fixture
def database_url(sqlite_url):
    """The commands do not depend on the database: one kind is enough."""
    return sqlite_url


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def service(folder, settings, app, services):
    """Four signups, sealed; returns the command on this database."""
    for number in range(4):
        services.subscribe(
            SignupRequest(email=f"r{number}@example.org", evidence=Evidence(source="/form"))
        )
    assert services.seal_ledger.run_once() == 4

    def run(*words: str, given: str | None = None, **changes: str) -> Result:
        environment = {
            "NEWSFLASH_DATABASE_URL": str(settings.database_url),
            **{f"NEWSFLASH_{name}": KEY for name in ("SECRET_KEY", "ADDRESS_HASH_KEY")},
            "NEWSFLASH_RECEIPT_KEY": KEY,
            **changes,
        }
        return CliRunner().invoke(main, words, env=environment, input=given)

    return run


def offline(*words: str) -> Result:
    """The command where nothing of the service is: no database, no key."""
    environment = {
        "NEWSFLASH_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "NEWSFLASH_RECEIPT_KEY": "",
    }
    return CliRunner().invoke(main, ("receipts", "verify", *words), env=environment)


def test_an_exported_ledger_is_checked_offline(service, folder):
    assert service("receipts", "export", "--output", "ledger").exit_code == 0
    text = (folder / "ledger").read_text()
    assert "example.org" not in text
    assert check(text) == set()
    good = offline("ledger", "--public-key", PUBLIC)
    assert (good.exit_code, good.output[:23]) == (0, "ledger: good; 4 entries")
    assert "Compare it with" not in good.output
    unsure = offline("ledger")
    assert unsure.exit_code == 0
    assert f"Checked with the key in the file: {PUBLIC}" in unsure.output
    shown = service("receipts", "export", "--with-personal").stdout
    assert "r3@example.org" in shown
    assert check(shown) == set()


def test_a_removed_entry_and_a_missing_tail_are_named(service, folder):
    kept = service("receipts", "checkpoint").stdout
    (folder / "kept").write_text(kept)
    lines = service("receipts", "export").stdout.splitlines()
    (folder / "gap").write_text("\n".join([*lines[:3], *lines[4:]]))
    (folder / "short").write_text("\n".join([*lines[:-2], lines[-1]]))
    bad = offline("gap", "--public-key", PUBLIC)
    assert bad.exit_code == 1
    assert "missing: entry 2 is missing\n" in bad.output
    bad = offline("short", "--checkpoint", "kept")
    assert bad.exit_code == 1
    assert "missing: entry 4 is missing at the tail: the checkpoint of 2" in bad.output


def test_a_receipt_is_issued_and_checked_with_the_published_key(service, folder, services):
    record = next(
        json.loads(line)
        for line in service("receipts", "export").stdout.splitlines()
        if '"entry"' in line
    )
    subscriber = record["entry"]["event"]["subscriber_id"]
    issued = service("receipts", "issue", subscriber)
    (folder / "receipt.json").write_text(issued.stdout)
    (folder / "keys.json").write_text(service("receipts", "public-key").stdout)
    good = offline("receipt.json", "--public-key", "keys.json")
    assert (good.exit_code, good.output[:22]) == (0, "receipt: good; 1 entry")
    (folder / "receipt.json").write_text(issued.stdout.replace("r0@", "r9@"))
    bad = offline("receipt.json", "--public-key", "keys.json")
    assert bad.exit_code == 1
    assert "signature: the signature of the receipt is invalid" in bad.output
    assert "changed: entry 1 was changed: its email is not the one that was sealed" in bad.output
    missing = service("receipts", "issue", "00000000-0000-0000-0000-000000000000")
    assert (missing.exit_code, "There is no subscriber" in missing.output) == (1, True)


def test_a_checkpoint_is_checked_with_a_given_key_only(service, folder):
    (folder / "kept").write_text(service("receipts", "checkpoint").stdout)
    assert offline("kept", "--public-key", PUBLIC).exit_code == 0
    assert "--public-key" in offline("kept").output
    assert offline("kept", "--public-key", PUBLIC[::-1]).exit_code == 1


def test_files_from_before_a_change_of_keys_are_checked_with_the_published_keys(service, folder):
    (folder / "kept").write_text(service("receipts", "checkpoint").stdout)
    new = {"NEWSFLASH_RECEIPT_KEY": "n" * 40, "NEWSFLASH_RECEIPT_KEY_FALLBACKS": KEY}
    (folder / "keys.json").write_text(service("receipts", "public-key", **new).stdout)
    (folder / "ledger").write_text(service("receipts", "export", **new).stdout)
    good = offline("ledger", "--public-key", "keys.json", "--checkpoint", "kept")
    assert (good.exit_code, good.output[:23]) == (0, "ledger: good; 4 entries")
    [one, _old] = json.loads((folder / "keys.json").read_text())["keys"]
    repeated = ("--public-key", PUBLIC, "--public-key", one["x"])
    assert offline("ledger", *repeated, "--checkpoint", "kept").exit_code == 0
    bad = offline("ledger", "--public-key", one["x"], "--checkpoint", "kept")
    assert bad.exit_code == 1
    assert "signature: kept is signed by none of the keys, so it proves nothing\n" in bad.output


@pytest.mark.parametrize("key", ["", "x", "{}", "[]", "[" * 99_999, '{"keys": [{"crv": "P-256"}]}'])
def test_a_key_that_is_none_is_refused_in_one_line(key: str, folder):
    (folder / "file").write_text("{}")
    (folder / "key").write_text(key)
    refused = offline("file", "--public-key", "key")
    assert (refused.exit_code, refused.output.count("\n")) == (1, 1)
    assert refused.output.startswith("Error: --public-key: it ")


def test_a_file_that_is_none_of_ours_is_refused_in_one_line(folder):
    (folder / "file").write_text("hello")
    refused = offline("file")
    assert (refused.exit_code, refused.output.count("\n")) == (1, 1)


def test_consent_texts_are_added_and_shown(service, folder):
    assert service("consent-texts", "show", "news-flash").stdout == ""
    (folder / "text").write_text("Ja, ich will.\n")
    assert service("consent-texts", "add", "news-flash", "text", "--locale", "de").stdout == "2\n"
    assert service("consent-texts", "add", "news-flash", "-", given="Yes.").stdout == "3\n"
    shown = service("consent-texts", "show", "news-flash").stdout.splitlines()
    assert (shown[0][:5], shown[1]) == ("2  de", "Ja, ich will.")
    assert (shown[3][:5], shown[4]) == ("3  en", "Yes.")
    for words in (("show", "none"), ("add", "none", "text")):
        refused = service("consent-texts", *words)
        assert (refused.exit_code, "There is no list 'none'" in refused.output) == (1, True)
    assert service("consent-texts", "add", "news-flash", "-", given=" \n").exit_code == 1
