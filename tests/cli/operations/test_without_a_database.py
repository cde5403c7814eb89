"""Commands where there is no database, or none that this version and these keys can use."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from service.cli import main
from service.cli.application import NEWER, NOT_MIGRATED
from tests.cli.commands import commands_of
from tests.cli.conftest import Run, snapshot
from tests.features.conftest import empty_database

NEEDS_NONE = {("db", "upgrade"), ("serve",), ("openapi",), ("receipts", "verify"), ("doctor",)}
KEYS = ("SECRET_KEY", "ADDRESS_HASH_KEY", "RECEIPT_KEY")
SOME_ID = "01a20c9a-7ce2-74ad-853b-9549926ea004"
ARGUMENTS = {
    "who": "ann@example.org",
    "subscriber_id": SOME_ID,
    "webhook_id": SOME_ID,
    "message_ids": SOME_ID,
    "held_ids": SOME_ID,
    "export_id": SOME_ID,
    "url": "https://example.org/",
    "email": "ann@example.org",
    "email_or_hash": "ann@example.org",
    "slug": "news",
    "name": "one",
    "file": "rows.csv",
}
MORE: dict[tuple[str, ...], list[str]] = {
    ("lists", "change"): ["--name", "One"],
    ("subscribers", "change"): ["--name", "Ann"],
    ("webhooks", "change"): ["--enable"],
}
"""For commands that want one of several."""
OPTIONS = {
    "role": "admin",
    "name": "One",
    "slug": "news",
    "locale": "en",
    "text": "yes",
    "created_before": "2026-11-27T09:00:00Z",
}


def all_commands(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    for name, command in commands_of(group).items():
        if isinstance(command, click.Group):
            yield from all_commands(command, *before, name)
        else:
            yield (*before, name)


def with_arguments(words: tuple[str, ...]) -> list[str]:
    """Return the command with something for everything that it cannot do without."""
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        command = commands_of(command)[word]
    line = list(words)
    for parameter in command.params:
        if isinstance(parameter, click.Argument) and (parameter.required or parameter.nargs < 0):
            line.append(ARGUMENTS[parameter.name or ""])
        elif parameter.required:
            line += [parameter.opts[0], OPTIONS[parameter.name or ""]]
    return line + MORE.get(words, [])


COMMANDS = sorted(set(all_commands(main)) - NEEDS_NONE)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_in_the_wrong_folder_says_so_and_creates_nothing(
    newsflash: Run, words: tuple[str, ...], folder: Path
):
    before = snapshot(folder)
    for kind in ("nothing", "an empty file"):
        if kind == "an empty file":
            (folder / "var").mkdir()
            (folder / "var" / "newsflash.db").touch()
            before = snapshot(folder)
        result = newsflash(*with_arguments(words))
        assert result.exit_code == 1, result.output
        (line,) = result.output.splitlines()
        said = "There is no database at" if kind == "nothing" else "The database is not migrated"
        assert line.startswith(f"Error: {said}")
        assert snapshot(folder) == before


def test_serve_that_may_not_migrate_creates_nothing_either(newsflash: Run, folder: Path):
    before = snapshot(folder)
    result = newsflash("serve", "--no-migrate", "--no-worker")
    assert result.exit_code == 1
    assert result.output.startswith("Error: There is no database at ")
    assert snapshot(folder) == before


@pytest.mark.parametrize("words", [("openapi",), ("--help",), ("--version",), ("keys", "--help")])
def test_what_needs_no_database_works_without_one_and_creates_nothing(
    newsflash: Run, words: tuple[str, ...], folder: Path
):
    before = snapshot(folder)
    assert newsflash(*words).exit_code == 0
    assert snapshot(folder) == before


@pytest.mark.parametrize("words", [("keys", "list"), ("worker", "--drain"), ("db", "current")])
def test_an_empty_postgresql_is_refused_as_it_is(
    newsflash: Run,
    words: tuple[str, ...],
    folder: Path,
    postgres_server: URL,
    monkeypatch: pytest.MonkeyPatch,
):
    with empty_database(postgres_server) as url:
        monkeypatch.setenv("NEWSFLASH_DATABASE_URL", url.render_as_string(hide_password=False))
        for name in KEYS:
            monkeypatch.setenv(f"NEWSFLASH_{name}", "k" * 40)
        monkeypatch.setenv("NEWSFLASH_PUBLIC_URL", "http://127.0.0.1:8000")
        monkeypatch.setenv("NEWSFLASH_MAIL_URL", "mailbox:")
        monkeypatch.setenv("NEWSFLASH_MAIL_FROM", "N <n@example.org>")
        result = newsflash(*words)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line == f"Error: {NOT_MIGRATED}"


@pytest.mark.parametrize(
    ("revision", "said"),
    [("0001", NOT_MIGRATED), ("9999", NEWER)],
)
def test_a_database_of_another_version_is_refused(
    run: Run, engine: Engine, revision: str, said: str
):
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": revision})
    for words in (("keys", "list"), ("admin-link",), ("worker", "--drain")):
        result = run(*words)
        assert result.exit_code == 1
        (line,) = result.output.splitlines()
        assert line == f"Error: {said}"


def test_an_upgrade_of_a_newer_database_says_what_to_install(run: Run, engine: Engine):
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for words in (("db", "upgrade"), ("serve",)):
        result = run(*words)
        assert result.exit_code == 1
        assert result.output == f"Error: {NEWER}\n"


@pytest.mark.parametrize("words", [("db", "upgrade"), ("keys", "list"), ("doctor",)], ids=" ".join)
def test_a_file_that_is_no_database_stays_as_it_is(
    newsflash: Run, words: tuple[str, ...], folder: Path
):
    (folder / "var").mkdir()
    (folder / "var" / "newsflash.db").write_bytes(b"This is a letter. " * 400)
    before = snapshot(folder)
    result = newsflash(*words)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    after = snapshot(folder)
    assert after["var/newsflash.db"] == before["var/newsflash.db"] or words == ("db", "upgrade")
    assert (folder / "var" / "newsflash.db").read_bytes().startswith(b"This is a letter.")


WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("UPDATE mailing_lists SET name = 'After'")
print("written", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("state", ["at rest", "in use", "after a crash"])
def test_doctor_changes_nothing(newsflash: Run, state: str, folder: Path):
    assert newsflash("db", "upgrade").exit_code == 0
    command = [sys.executable, "-c", WRITER, str(folder / "var" / "newsflash.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        if state == "after a crash":
            writer.kill()
        if state != "in use":
            writer.communicate()
        before = snapshot(folder)
        result = newsflash("doctor")
        assert snapshot(folder) == before
        writer.communicate()
    assert result.exit_code == 0, result.output
    assert ("var/newsflash.db-wal" in before) is (state != "at rest")


def test_doctor_before_the_first_start_changes_nothing(newsflash: Run, folder: Path):
    before = snapshot(folder)
    result = newsflash("doctor")
    assert result.exit_code == 1
    assert "failed   database: there is none at " in result.output
    assert "ok       SECRET_KEY: created at the first start" in result.output
    assert snapshot(folder) == before
