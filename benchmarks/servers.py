"""Web servers and mail sinks: ours as `newsflash serve` starts it, and a bare Flask route.

Both run on the service's own server with the same settings: 2 processes with 8 threads each.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import create_engine

from benchmarks.postgres import Postgres
from benchmarks.processes import free_port, running, wait_for_port
from service.usecases.access.keys import Keys
from service.usecases.lists.lists import Lists

WORKERS = 2
SECRET_KEY = "benchmark-" * 4
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Server:
    """Something that listens on the loopback."""

    port: int
    pid: int
    log: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class MailSink(Server):
    """The mail API that takes everything."""

    @property
    def mail_url(self) -> str:
        """What `NEWSFLASH_MAIL_URL` takes."""
        return f"postmark://token@127.0.0.1:{self.port}?scheme=http"

    def taken(self) -> dict[str, Any]:
        """Return what it has taken so far."""
        found: dict[str, Any] = requests.get(self.url, timeout=10).json()
        return found

    def kept(self) -> list[bytes]:
        """Return the first bodies, as they came."""
        return [body.encode() for body in requests.get(f"{self.url}/kept", timeout=30).json()]

    def forget(self) -> None:
        """Count from nothing."""
        requests.delete(self.url, timeout=10)


def service_environment(
    database: Postgres, *, mail_url: str, public_url: str | None = None
) -> dict[str, str]:
    """Return the settings under which the service is measured: as in production, limits off."""
    return {
        "NEWSFLASH_DATABASE_URL": database.url,
        "NEWSFLASH_SECRET_KEY": SECRET_KEY,
        "NEWSFLASH_ADDRESS_HASH_KEY": SECRET_KEY,
        "NEWSFLASH_RECEIPT_KEY": SECRET_KEY,
        "NEWSFLASH_MAIL_URL": mail_url,
        "NEWSFLASH_MAIL_FROM": "News Flash <news@example.org>",
        "NEWSFLASH_RATELIMIT_ENABLED": "false",
        "NEWSFLASH_PUBLIC_URL": public_url or "http://127.0.0.1:8000",
    }


def newsflash(*arguments: str) -> list[str]:
    """Return the command line of `newsflash` in this very environment."""
    return [sys.executable, "-m", "service", *arguments]


@contextmanager
def mail_sink(folder: Path, *, latency_ms: int = 0) -> Iterator[MailSink]:
    """Run a mail API that answers after `latency_ms`."""
    port, log = free_port(), folder / "sink.log"
    command = [sys.executable, "-m", "benchmarks.sink", "--port", str(port)]
    with running([*command, "--latency-ms", str(latency_ms)], log=log) as process:
        wait_for_port(port, process, log)
        yield MailSink(port, process.pid, log)


@contextmanager
def our_server(folder: Path, database: Postgres, *, mail_url: str) -> Iterator[Server]:
    """Run the service, delivery included; the database is migrated first."""
    port, log = free_port(), folder / "newsflash.log"
    env = service_environment(database, mail_url=mail_url)
    command = newsflash("serve", "--port", str(port), "--workers", str(WORKERS))
    with running(command, log=log, env=env) as process:
        wait_for_port(port, process, log)
        yield Server(port, process.pid, log)


@contextmanager
def bare_server(folder: Path) -> Iterator[Server]:
    """Run the bare Flask route."""
    port, log = free_port(), folder / "bare.log"
    command = [sys.executable, "-m", "benchmarks.bare", "--port", str(port)]
    with running(command, log=log) as process:
        wait_for_port(port, process, log)
        yield Server(port, process.pid, log)


def run(command: list[str], *, env: dict[str, str], log: Path) -> str:
    """Run a command to its end and return what it printed; stop with its own words if it fails."""
    with log.open("w") as errors:
        done = subprocess.run(
            command,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{log.read_text()[-4000:]}")
    return done.stdout


def migrate(database: Postgres, folder: Path) -> None:
    """Build the tables and the first list."""
    env = service_environment(database, mail_url="mailbox:")
    run(newsflash("db", "upgrade"), env=env, log=folder / "upgrade.log")


def create_key(database: Postgres, *, role: str) -> str:
    """Return a fresh API key."""
    engine = create_engine(database.url)
    try:
        return Keys(engine, lists=Lists(engine)).create(
            f"benchmark {role}", role, actor="benchmark"
        )
    finally:
        engine.dispose()
