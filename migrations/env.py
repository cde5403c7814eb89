"""How Alembic reaches the database: one process at a time, and nobody kept waiting long."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from alembic import context
from sqlalchemy import Connection, Engine, event, text

LOCK_TIMEOUT = "3s"
"""How long a step waits for a table that others use, and so keeps all who come after it waiting.
`-x lock_timeout=` changes it.
"""


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
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Let one process at a time migrate.

    The lock is held by a transaction on a connection of its own, for one of the session would
    stay behind in a pooler.
    """
    with engine.connect() as connection, connection.begin():
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.exec_driver_sql(f"SET LOCAL {setting} = 0")
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7236829)")
        yield


def _set_limits(connection: Connection) -> None:
    """Give a step its limits: a request's is too short for an index on a large table."""
    lock_timeout = context.get_x_argument(as_dictionary=True).get("lock_timeout", LOCK_TIMEOUT)
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.execute(
        text("SELECT set_config('lock_timeout', :value, true)"), {"value": lock_timeout}
    )


run()
