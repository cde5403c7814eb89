"""A mistake at the first start is one plain line that says what to do, never a traceback."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy.engine import URL

from service.cli import main
from service.cli.serving import serve

KEYS = dict.fromkeys(
    ("SECRET_KEY", "ADDRESS_HASH_KEY", "RECEIPT_KEY"), "k3y-for-tests-0123456789-0123456789-abc"
)
REQUIRED = {
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "MAIL_URL": "mailbox:",
    "MAIL_FROM": "News <news@example.org>",
}


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("NEWSFLASH_"):
            monkeypatch.delenv(name)
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def line_of(*arguments: str, **settings: str) -> str:
    """Return the one line that a command ends with, beside what it logs."""
    given = {f"NEWSFLASH_{name}": value for name, value in settings.items()}
    result = CliRunner().invoke(main, arguments, env=given)
    assert result.exit_code == 1, result.output
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("{")]
    assert line.startswith("Error: ")
    return line


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = line_of("serve", "--port", str(port))
    assert f"127.0.0.1:{port}" in line
    assert "Choose another --port" in line


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    line = line_of("serve")
    assert str(tmp_path / "var") in line
    assert "write to that folder" in line


def test_a_mail_url_that_is_none_is_named_without_its_secret() -> None:
    line = line_of("serve", **{**REQUIRED, "MAIL_URL": "posmark://s3cret@default"})
    assert "NEWSFLASH_MAIL_URL" in line
    assert "postmark" in line
    assert "s3cret" not in line


@pytest.mark.parametrize("command", ["serve", "worker"])
@pytest.mark.parametrize("mistake", ["unreachable", "unknown database", "unknown role"])
def test_a_database_that_does_not_let_us_in_is_named_without_the_password(
    postgres_server: URL, monkeypatch: pytest.MonkeyPatch, command: str, mistake: str
) -> None:
    # A process that ends lets its socket go; this one goes on.
    monkeypatch.setattr(serve, "bound_socket", lambda *_: None)
    url = postgres_server.set(password="s3cret")
    if mistake == "unreachable":
        url = url.set(host="127.0.0.1", port=1)
    elif mistake == "unknown database":
        url = url.set(database="there_is_none")
    else:
        url = url.set(username="nobody_here")
    shown = url.set(drivername="postgresql").render_as_string(hide_password=False)
    line = line_of(command, **KEYS, **REQUIRED, DATABASE_URL=shown)
    assert "Check NEWSFLASH_DATABASE_URL" in line
    assert "s3cret" not in line
