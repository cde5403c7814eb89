"""How Alembic reaches the database: one process at a time, and nobody kept waiting long."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from alembic import context
from sqlalchemy import Connection, Engine, event, text

LOCK_TIMEOUT = "3s"
"""How long a step waits for a table that others use, and so keeps all who come after it waiting.
`-x lock_timeout=` changes it.
"""

ASK_AGAIN_SECONDS = 0.2


def run() -> None:
    """Run the migrations on the engine that the service hands over with its tables.

    On PostgreSQL each step is a transaction of its own, so that no lock is held into the next one;
    a step that does not get its lock in time raises `OperationalError`, and the steps before it
    stay. On SQLite, where a writer has the file to itself, all steps are one transaction.
    """
    given = context.config.attributes
    engine: Engine = given["engine"]
    is_postgres = engine.dialect.name == "postgresql"
    with _alone(engine) if is_postgres else nullcontext(), engine.connect() as connection:
        if is_postgres:
            event.listen(connection, "begin", _set_limits)
        else:
            connection.begin()
        context.configure(
            connection=connection,
            target_metadata=given["tables"],
            render_as_batch=not is_postgres,
            compare_type=True,
            transaction_per_migration=True,
            include_name=_is_ours_to_compare,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


def _is_ours_to_compare(name: str | None, kind: str, _parents: object) -> bool:
    """Tell whether a table or index is one of the models': the index of the search is optional."""
    optional = "subscriber_words" if kind == "table" else "ix_subscribers_search"
    return not (name or "").startswith(optional)


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Let one process at a time migrate.

    The lock is held by a transaction on a connection of its own, for one of the session would
    stay behind in a pooler. The others ask again and again, each time in a new transaction: an
    index that is built concurrently waits for every transaction that is older.
    """
    with engine.connect() as connection:
        while not _takes_lock(connection):
            connection.rollback()
            time.sleep(ASK_AGAIN_SECONDS)
        yield
        connection.rollback()


def _takes_lock(connection: Connection) -> bool:
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {setting} = 0")
    driver: Any = connection.connection.driver_connection
    # Not prepared, as psycopg does what is asked a few times: a prepared SELECT keeps its snapshot
    # until the transaction ends, and our own index would wait for it.
    (has_it,) = driver.execute(
        "SELECT pg_try_advisory_xact_lock(7236829)", prepare=False
    ).fetchone()
    return bool(has_it)


def _set_limits(connection: Connection) -> None:
    """Give a step its limits: a request's is too short for an index on a large table."""
    lock_timeout = context.get_x_argument(as_dictionary=True).get("lock_timeout", LOCK_TIMEOUT)
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.execute(
        text("SELECT set_config('lock_timeout', :value, true)"), {"value": lock_timeout}
    )


run()
