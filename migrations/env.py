"""How Alembic reaches the app's database: one process at a time, and nobody kept waiting long."""

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text

database = current_app.extensions["migrate"].db

LOCK_TIMEOUT = "3s"
"""How long a step waits for a table that others use, and so keeps all who come after it waiting.
`-x lock_timeout=` changes it.
"""


def run() -> None:
    """Run the migrations on the app's engine.

    On PostgreSQL each step is a transaction of its own, so that no lock is held into the next one;
    a step that does not get its lock in time raises `OperationalError`, and the steps before it
    stay. On SQLite, where a writer has the file to itself, all steps are one transaction.
    """
    with database.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            _prepare(connection)
        else:
            connection.begin()
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


def _prepare(connection: Connection) -> None:
    """Take the lock that lets one process at a time migrate, and set limits for what follows.

    Both are of the session, so this connection never goes back to the pool: they end with it.
    """
    connection.detach()
    # A request's time limit is too short for an index on a large table, or for the wait while
    # another process migrates.
    connection.exec_driver_sql("SET statement_timeout = 0")
    connection.exec_driver_sql("SELECT pg_advisory_lock(7236829)")
    lock_timeout = context.get_x_argument(as_dictionary=True).get("lock_timeout", LOCK_TIMEOUT)
    connection.execute(
        text("SELECT set_config('lock_timeout', :value, false)"), {"value": lock_timeout}
    )
    connection.commit()


run()
