"""A PgBouncer in front of a PostgreSQL server of the tests."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pwd import getpwnam

import psycopg
import pytest
from sqlalchemy.engine import URL

from tests.postgres import libpq

START_WITHIN_SECONDS = 10
SERVER_CONNECTIONS = 6
"""Fewer than clients have, so that one server connection serves several of them."""


@contextmanager
def running_pooler(database: URL, pool_mode: str) -> Iterator[URL]:
    """Put a pooler before this database, give its URL, and end it afterwards."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("needs pgbouncer")
    place = Path(tempfile.mkdtemp(prefix="newsflash-pgbouncer-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = place / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={database.host} port={database.port} user={database.username}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {pool_mode}\n"
        f"default_pool_size = {SERVER_CONNECTIONS if pool_mode == 'transaction' else 60}\n"
        "max_client_conn = 500\n"
    )
    as_user = {"user": getpwnam("nobody").pw_uid} if os.geteuid() == 0 else {}
    place.chmod(0o755)
    with (place / "log").open("w") as log:
        pooler = subprocess.Popen([program, settings], stdout=log, stderr=log, cwd="/", **as_user)  # type: ignore[call-overload]
    url = database.set(port=port)
    try:
        end = time.monotonic() + START_WITHIN_SECONDS
        while True:
            try:
                psycopg.connect(libpq(url)).close()
                break
            except psycopg.OperationalError:
                if pooler.poll() is not None or time.monotonic() > end:
                    pytest.fail(f"pgbouncer did not start: {(place / 'log').read_text()[-300:]}")
                time.sleep(0.05)  # a server's start is waited for, not a rule of ours
        yield url
    finally:
        pooler.terminate()
        pooler.wait(timeout=START_WITHIN_SECONDS)
        shutil.rmtree(place, ignore_errors=True)
