"""How connections are opened: what each database needs to serve several processes, and pool sizes.

Nothing depends on settings of the PostgreSQL server, database or role: a connection sets its own.
They are set by statements, for PgBouncer refuses the startup parameter `options`. In its
transaction mode it carries time zone and DateStyle over to each server connection; see
`is_pooled` for what else is different behind it.
"""

import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import QueuePool

from service.domain.search import search_form
from service.store.database_clock import keep_to_database
from service.store.embedded import look_only

BUSY_TIMEOUT_MS = 10_000
POOL_WAIT_SECONDS = 5
STATEMENT_TIMEOUT_MS = 30_000
POOL_RECYCLE_SECONDS = 1800
POOL_KEPT, POOL_CONNECTIONS = 8, 16
"""Connections of a process's pool that stay open once used, and how many there are at most: as many
as a web process has threads that answer requests, exports and imports (`front.limits`).
"""
_TCP = {
    "keepalives_idle": 5,
    "keepalives_interval": 1,
    "keepalives_count": 5,
    "tcp_user_timeout": 5000,
}
"""A server that vanished without a word is noticed after about 5 s, not after the kernel's 15
minutes (libpq, "Parameter Key Words"; the last is in milliseconds). Not used on Unix sockets."""
_SESSION = (
    # The time that statements may take comes first: it holds for those that follow.
    f"SET statement_timeout TO {STATEMENT_TIMEOUT_MS}; SET lock_timeout TO 0; "
    "SET TIME ZONE 'UTC'; SET DateStyle TO ISO; SET IntervalStyle TO postgres; "
    "SET extra_float_digits TO 1; SET bytea_output TO hex; SET standard_conforming_strings TO on; "
    "SET default_transaction_read_only TO off; "
    "SET default_transaction_isolation TO 'read committed'; "
    # A schema that role or database name first stays first; the tables may be in `public`.
    "SELECT set_config('search_path',"
    " concat_ws(', ', nullif(current_setting('search_path'), ''), 'public'), false)"
    " WHERE NOT 'public' = ANY (current_schemas(false)); "
    "SELECT pg_backend_pid()"
)
_IS_POOLED = "newsflash_is_pooled"

_LOST_RACES = ("40001", "40P01")
"""PostgreSQL's serialization failure and deadlock."""


def engine_options(url: URL) -> dict[str, Any]:
    """Return `create_engine` keywords for this database: pool, waits, time zone."""
    # Parameters hold addresses, and an error's text may reach a log.
    if url.get_backend_name() == "sqlite":
        return {
            "hide_parameters": True,
            "pool_timeout": POOL_WAIT_SECONDS,
            "connect_args": {"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
        }
    return {
        "hide_parameters": True,
        "pool_size": POOL_KEPT,
        "max_overflow": POOL_CONNECTIONS - POOL_KEPT,
        "pool_timeout": POOL_WAIT_SECONDS,
        # The last one used is the next: a few connections have what is asked for often prepared.
        "pool_use_lifo": True,
        "pool_recycle": POOL_RECYCLE_SECONDS,
        "isolation_level": "READ COMMITTED",
        "connect_args": {
            name: value
            for name, value in {
                "connect_timeout": POOL_WAIT_SECONDS,
                "client_encoding": "utf8",
                **_TCP,
            }.items()
            if name not in url.query  # what the operator's URL says wins
        },
    }


def open_engine(url: URL, *, only_looks: bool = False) -> Engine:
    """Return an engine on this database that is set up as the service needs it.

    With `only_looks` the embedded database stays as it is, to the byte, and so do the files beside
    it.
    """
    if only_looks and url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        engine = create_engine(url, hide_parameters=True, creator=lambda: look_only(path))
        _prepare_looking(engine)
    else:
        engine = create_engine(url, **engine_options(url))
        prepare_engine(engine)
    return engine


def _prepare_looking(engine: Engine) -> None:
    """Have an engine on a connection that only looks begin transactions that only read."""

    @event.listens_for(engine, "connect")
    def _functions(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.create_function("search_form", 1, _search_form, deterministic=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")


def prepare_engine(engine: Engine) -> None:
    """Give SQLite its pragmas and real transactions, and PostgreSQL's pool an eye for the dead."""
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _settle)
        event.listen(engine, "checkout", _refuse_dead)
        event.listen(engine, "begin", keep_to_database)
        return

    @event.listens_for(engine, "connect")
    def _pragmas(dbapi_connection: Any, _record: Any) -> None:
        # The driver must not begin transactions by itself: `_begin` says how each one starts.
        dbapi_connection.isolation_level = None
        dbapi_connection.create_function("search_form", 1, _search_form, deterministic=True)
        for pragma in (
            "journal_mode = WAL",
            "foreign_keys = ON",
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            "synchronous = FULL",
        ):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its lock at once: a read lock cannot be raised while another one writes.
        reads = connection.get_execution_options().get("reads_only", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def connections_used(engine: Engine) -> Callable[[], int]:
    """Return what tells how many of the pool's connections are in use."""
    used: Callable[[], int] = getattr(engine.pool, "checkedout", lambda: 0)
    return used


def connections_at_most(engine: Engine) -> int:
    """Return how many connections the pool opens at most; 0 where it has no bound."""
    pool = engine.pool
    return pool.size() + pool._max_overflow if isinstance(pool, QueuePool) else 0


def _search_form(value: str | float | None) -> str | None:
    """Return the form of a column's text, or of a number among attributes."""
    return None if value is None else search_form(str(value))


def _settle(dbapi_connection: Any, record: Any) -> None:
    """Set what the session needs, and find out whether a pooler is in between."""
    record.info[_IS_POOLED] = settle(dbapi_connection)


def settle(driver: Any) -> bool:
    """Set up a psycopg connection that has begun nothing; tell whether a pooler is in between.

    A pooler hands out a process id of its own for cancelling (PostgreSQL, "Message Formats",
    BackendKeyData), which is not that of the server's process. Statements are not prepared behind
    it: the next transaction may meet another server connection, which does not know them.
    """
    autocommit, driver.autocommit = driver.autocommit, True
    with driver.cursor() as cursor:
        cursor.execute(_SESSION)
        while cursor.nextset():
            pass
        (process,) = cursor.fetchone()
    driver.autocommit = autocommit
    is_pooled = bool(process != driver.info.backend_pid)
    if is_pooled:
        driver.prepare_threshold = None
    return is_pooled


def is_pooled(connection: Any) -> bool:
    """Tell whether a pooled DBAPI connection of SQLAlchemy's reaches PostgreSQL by a pooler.

    What is of the session then may not last: LISTEN, advisory locks, temporary tables.
    """
    return bool(connection.info.get(_IS_POOLED, False))


def _refuse_dead(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    """Have the pool replace a connection that the server has closed while nobody used it.

    A server has nothing to say on an idle connection but that it ends: so there is something to
    read, which is asked of the socket alone. A ping would be a round trip before each transaction.
    """
    if not dbapi_connection.closed:
        poll = select.poll()
        poll.register(dbapi_connection.fileno(), select.POLLIN)
    if dbapi_connection.closed or poll.poll(0):
        raise DisconnectionError("closed by the server")


@contextmanager
def named_errors(dialect: Dialect) -> Iterator[None]:
    """Raise a driver's errors as SQLAlchemy's, where the driver is used by itself."""
    driver: Any = dialect.loaded_dbapi
    try:
        yield
    except driver.Error as error:
        raise DBAPIError.instance(None, None, error, driver.Error) from error


def is_lost_race(error: BaseException) -> bool:
    """Tell whether a transaction only was in another one's way: the same again may well succeed."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _LOST_RACES


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that only reads and keeps no writer waiting."""
    with engine.connect().execution_options(reads_only=True) as connection, connection.begin():
        yield connection
