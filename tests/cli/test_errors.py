"""A command that fails in a way that it does not know ends with one line, never a traceback."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from service.usecases.access.audit import Audit
from tests.cli.conftest import Run


def test_a_surprise_is_one_line_and_logged_with_our_own_frames(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("row of ann@example.org")

    monkeypatch.setattr(Audit, "page", broken)
    result = run("audit")
    assert result.exit_code == 1
    logged, shown = result.stderr.splitlines()
    assert shown == (
        "Error: This is a bug in Newsflash. The log line above says where; please report it."
    )
    entry = json.loads(logged)
    assert (entry["event"], entry["error"]) == ("unexpected error", "RuntimeError")
    assert any(frame.startswith("service/cli/access/audit.py:") for frame in entry["frames"])
    assert "ann@example.org" not in result.output


def test_a_database_that_does_not_answer_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    given = {
        "DATABASE_URL": "postgresql://nobody:s3cret@127.0.0.1:1/none",
        **dict.fromkeys(("SECRET_KEY", "ADDRESS_HASH_KEY", "RECEIPT_KEY"), "k" * 40),
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "MAIL_URL": "mailbox:",
        "MAIL_FROM": "N <n@example.org>",
    }
    environment = {f"NEWSFLASH_{name}": value for name, value in given.items()}
    for words in (["keys", "list"], ["db", "upgrade"], ["audit"], ["db", "check"]):
        result = CliRunner().invoke(main, words, env=environment)
        assert result.exit_code == 1
        (line,) = result.output.splitlines()
        assert line.startswith("Error: The database does not answer (")
        assert "s3cret" not in line


def test_a_file_that_cannot_be_written_is_one_line(run: Run):
    result = run("subscribers", "export", "--output", "no/such/folder/file.csv")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert result.output.endswith(": No such file or directory\n")
