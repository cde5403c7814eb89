"""Whether the database takes writes: one row is written, whatever the service was asked."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from service.store.tables.operations import WriteProbe

WAIT_MS = 1_000
"""How long another writer is waited for: the longest transaction of ours is much shorter."""
_NEW_PAGES_BYTES = 64 * 1024


def takes_writes(engine: Engine, *, at: datetime) -> bool:
    """Write the row `at` this time and commit; return whether that went well.

    It does not with a full disk, a read-only file, database, user or replica, and while another
    transaction keeps the write lock.
    """
    write = _write_sqlite if engine.dialect.name == "sqlite" else _write_postgresql
    try:
        with engine.connect() as connection:
            write(connection, at)
    except SQLAlchemyError:
        return False
    return True


def _write_postgresql(connection: Connection, at: datetime) -> None:
    with connection.begin():
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {WAIT_MS}")
        connection.execute(_upsert(connection, at))


def _write_sqlite(connection: Connection, at: datetime) -> None:
    driver: Any = connection.connection.driver_connection
    (usual,) = driver.execute("PRAGMA busy_timeout").fetchone()
    driver.execute(f"PRAGMA busy_timeout = {min(WAIT_MS, usual)}")
    try:
        with connection.begin():
            connection.execute(_upsert(connection, at))
            # A row can be written in place where no table may grow any more.
            with connection.begin_nested() as growth:
                connection.exec_driver_sql(
                    "CREATE TABLE write_probe_growth AS"
                    f" SELECT zeroblob({_NEW_PAGES_BYTES}) AS filler"
                )
                growth.rollback()
    finally:
        driver.execute(f"PRAGMA busy_timeout = {usual}")


def _upsert(connection: Connection, at: datetime) -> Any:
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert
    statement = insert(WriteProbe).values(id=1, at=at)
    return statement.on_conflict_do_update(index_elements=["id"], set_={"at": at})
