"""Servers that tests may break, and what must hold of the rows whatever broke."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from tests.postgres import NoServerError, _user, binaries, libpq, running_server

KEY = "a-key-for-tests-only-of-forty-bytes-----"
_WHOLE = """
SELECT person.email_key,
    (SELECT count(*) FROM subscriptions s WHERE s.subscriber_id = person.id),
    (SELECT count(*) FROM outbox_messages m WHERE m.subscriber_id = person.id),
    (SELECT count(*) FROM consent_events e
        WHERE e.subscriber_id = person.id AND e.kind = 'requested')
FROM subscribers person
"""


@dataclass(frozen=True, slots=True)
class BreakableServer:
    """A PostgreSQL server of one test's own."""

    url: URL
    data: str

    def control(self, *action: str) -> None:
        subprocess.run(
            [binaries() / "pg_ctl", "-D", self.data, "-m", "immediate", "-w", *action],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=60,
            **_user(),
        )

    def stop(self) -> None:
        """Take it away as a machine that loses power does."""
        self.control("stop")

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.url.port} -k {self.data}/.. -c fsync=off"
        self.control("-l", f"{self.data}/../restarted.log", "-o", options, "start")


@pytest.fixture
def own_server() -> Iterator[BreakableServer]:
    """A server that may be stopped and started."""
    try:
        with running_server() as url:
            with psycopg.connect(libpq(url)) as connection:
                # The tests' other servers hurry; this one keeps what it has committed.
                connection.execute("ALTER ROLE postgres SET synchronous_commit = on")
                found = connection.execute("SHOW data_directory").fetchone()
            assert found is not None
            server = BreakableServer(url, found[0])
            yield server
            subprocess.run(
                [binaries() / "pg_ctl", "-D", server.data, "-m", "immediate", "-w", "stop"],
                check=False,  # it may be stopped already
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                **_user(),
            )
    except NoServerError as error:
        pytest.skip(f"needs a PostgreSQL server of its own: {error}")


def signups(engine: Engine) -> set[str]:
    """Return who is signed up, having made sure that nobody is so by half."""
    with engine.connect() as connection:
        rows = connection.execute(text(_WHOLE)).all()
    for email, subscriptions, messages, events in rows:
        assert subscriptions >= 1, email
        assert messages >= 1, email
        assert events >= 1, email
    return {row[0] for row in rows}


def command(database: URL, *arguments: str) -> "subprocess.Popen[bytes]":
    """Run `newsflash` in a process of its own."""
    keys = ("SECRET_KEY", "ADDRESS_HASH_KEY", "RECEIPT_KEY")
    return subprocess.Popen(
        [sys.executable, "-m", "service", *arguments],
        cwd=Path(__file__).parents[2],
        env={
            **{name: value for name, value in os.environ.items() if "NEWSFLASH" not in name},
            "NEWSFLASH_DATABASE_URL": database.render_as_string(hide_password=False),
            "NEWSFLASH_PUBLIC_URL": "http://127.0.0.1:8000",
            "NEWSFLASH_MAIL_URL": "mailbox:",
            "NEWSFLASH_MAIL_FROM": "News Flash <news@example.org>",
            **{f"NEWSFLASH_{name}": KEY for name in keys},
        },
        stdout=subprocess.DEVNULL,
    )
