"""How Alembic reaches the app's database: one connection, one transaction for all steps."""

from alembic import context
from flask import current_app

database = current_app.extensions["migrate"].db


def run() -> None:
    """Run the migrations on the app's engine. On PostgreSQL a lock lets one process at a time."""
    with database.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":
                # A request's time limit is too short for an index on a large table, or for the
                # wait while another process migrates.
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7236829)")
            context.run_migrations()


run()
