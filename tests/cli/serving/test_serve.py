"""`newsflash serve`: what it tells a person, and which address its links begin with."""

import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy.engine import URL

from service.cli import main
from service.cli.serving import processes, serve
from service.cli.serving.listening import bound_socket
from service.cli.serving.processes import KeptProcess
from tests.features.conftest import empty_database
from tests.postgres import libpq


class Standing:
    """Stands for the web processes: notes what they would be started with, and serves nothing."""

    given: dict[str, object]

    @classmethod
    def serve(cls, _web: object, listening: object, *, workers: int) -> None:
        cls.given = {
            "address": listening,
            "workers": workers,
            "public_url": os.environ.get("NEWSFLASH_PUBLIC_URL"),
        }


@pytest.fixture(autouse=True)
def _nothing_is_served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(serve, "keep_web", Standing.serve)
    monkeypatch.setattr(serve, "bound_socket", lambda host, port: (host, port))
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("NEWSFLASH_"):
            monkeypatch.delenv(name)
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize(
    ("host", "start"),
    [
        ("127.0.0.1", "http://127.0.0.1:9000"),
        ("localhost", "http://localhost:9000"),
        ("::1", "http://[::1]:9000"),
        ("0.0.0.0", "http://127.0.0.1:9000"),  # noqa: S104 - the very case
    ],
)
def test_links_begin_where_the_service_listens(host: str, start: str):
    done = CliRunner().invoke(main, ["serve", "--no-worker", "--host", host, "--port", "9000"])
    assert done.exit_code == 0, done.output
    assert Standing.given["public_url"] == start
    assert f"{start}/subscribe/news-flash" in done.output


def test_a_link_made_beside_the_service_begins_where_it_listens(tmp_path: Path):
    served = CliRunner().invoke(main, ["serve", "--no-worker", "--port", "9000"])
    assert served.exit_code == 0, served.output
    del os.environ["NEWSFLASH_PUBLIC_URL"]  # the next command is a process of its own
    made = CliRunner().invoke(main, ["admin-link"])
    assert made.output.startswith("http://127.0.0.1:9000/admin/sign-in/")


def given_away(output: str) -> list[str]:
    """Return the keys and sign-in links in what was printed."""
    return re.findall(r"nf_[\w-]{43}|/admin/sign-in/[\w.-]+", output)


def keys_made(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "var" / "newsflash.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM api_keys").fetchone()
    return int(count)


def test_the_first_start_hands_a_key_and_a_link_to_a_person_at_a_terminal(tmp_path: Path):
    ours, theirs = os.openpty()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "service", "serve", "--no-worker", "--port", str(port)]
    shown = b""
    with subprocess.Popen(
        command,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    ) as process:
        os.close(theirs)
        try:
            while b"subscribers/export" not in shown:
                shown += os.read(ours, 65_536)
        finally:
            process.terminate()
            os.close(ours)
    assert len(set(given_away(shown.decode()))) == 2, shown
    assert keys_made(tmp_path) == 1


def test_the_first_start_puts_no_secret_into_a_log(tmp_path: Path):
    done = CliRunner().invoke(main, ["serve", "--no-worker"])
    assert done.exit_code == 0, done.output
    assert given_away(done.output) == []
    assert "newsflash admin-link" in done.output
    assert keys_made(tmp_path) == 0


def test_the_first_start_on_postgresql_shows_no_secret_even_on_a_terminal(
    postgres_server: URL, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(serve, "is_terminal", lambda: True)
    with empty_database(postgres_server) as url:
        for name in ("SECRET_KEY", "ADDRESS_HASH_KEY", "RECEIPT_KEY"):
            monkeypatch.setenv(f"NEWSFLASH_{name}", f"{name}-for-tests-only-0123456789-0123456789")
        monkeypatch.setenv("NEWSFLASH_PUBLIC_URL", "http://127.0.0.1:8000")
        monkeypatch.setenv("NEWSFLASH_MAIL_URL", "mailbox:")
        monkeypatch.setenv("NEWSFLASH_MAIL_FROM", "News Flash <news@example.org>")
        monkeypatch.setenv("NEWSFLASH_DATABASE_URL", url.render_as_string(hide_password=False))
        done = CliRunner().invoke(main, ["serve", "--no-worker"])
        assert done.exit_code == 0, done.output
        with psycopg.connect(libpq(url)) as connection:
            found = connection.execute("SELECT count(*) FROM api_keys").fetchone()
    assert given_away(done.output) == []
    assert "newsflash admin-link" in done.output
    assert found == (0,)


def test_the_start_says_how_the_command_is_typed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    own = tmp_path / ".venv" / "bin" / "newsflash"
    own.parent.mkdir(parents=True)
    own.touch(0o755)
    monkeypatch.setattr(sys, "executable", str(own.with_name("python")))
    shown = CliRunner().invoke(main, ["serve", "--no-worker"]).output
    assert " .venv/bin/newsflash --help\n" in shown
    monkeypatch.setenv("PATH", str(own.parent))
    assert " newsflash --help\n" in CliRunner().invoke(main, ["serve", "--no-worker"]).output


def test_an_address_that_was_set_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NEWSFLASH_PUBLIC_URL", "https://news.example.org")
    monkeypatch.setenv("NEWSFLASH_MAIL_URL", "mailbox:")
    monkeypatch.setenv("NEWSFLASH_MAIL_FROM", "News Flash <news@example.org>")
    done = CliRunner().invoke(main, ["serve", "--no-worker", "--port", "9000"])
    assert Standing.given["public_url"] == "https://news.example.org", done.output


def test_an_address_in_use_is_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(click.ClickException, match="Choose another --port"):
            bound_socket("127.0.0.1", port)


def test_it_listens_on_ipv6_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    with bound_socket("::1", 0) as listening:
        listening.listen()
        socket.create_connection(listening.getsockname()[:2], timeout=5).close()


def test_delivery_is_started_again_even_where_a_start_fails(monkeypatch: pytest.MonkeyPatch):
    starts: list[str] = []

    class Process:
        def __init__(self) -> None:
            starts.append("asked")
            if len(starts) == 2:
                raise OSError("no memory")

        def wait(self, _seconds: float | None = None) -> int:
            if len(starts) > 2:
                keeper._is_stopping.set()
            return 1

        def terminate(self) -> None:
            """Is over already."""

        def kill(self) -> None:
            """Is over already."""

    monkeypatch.setattr(processes, "RESTART_AFTER_SECONDS", 0.01)
    keeper = KeptProcess(Process)
    assert keeper._is_stopping.wait(20)
    keeper.stop()
    assert len(starts) == 3
