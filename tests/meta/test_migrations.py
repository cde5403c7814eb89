"""The migrations build what the models say, on both databases, up and down."""

import re

import pytest
from sqlalchemy import Engine, event, inspect, text
from sqlalchemy.exc import OperationalError

from service.store.operations.migrations import difference
from service.store.tables.base import db
from tests.migrating import downgrade, upgrade


def test_models_and_migrations_do_not_drift(engine: Engine):
    assert difference(engine) is None


def test_every_table_of_the_models_is_there(engine: Engine):
    tables = {
        name
        for name in inspect(engine).get_table_names()
        if not name.startswith("subscriber_words")  # the index of the search
    }
    assert tables == {*db.metadata.tables, "alembic_version"}


def test_every_index_of_the_models_is_there(engine: Engine):
    found = inspect(engine)
    assert db.metadata.tables
    for name, table in db.metadata.tables.items():
        there = {index["name"] for index in found.get_indexes(name)}
        assert {str(index.name) for index in table.indexes} <= there, name


def test_migrations_can_be_undone_and_done_again(engine: Engine):
    downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    upgrade(engine)
    assert difference(engine) is None


def test_migrating_again_changes_nothing(engine: Engine):
    before = {name: inspect(engine).get_columns(name) for name in db.metadata.tables}
    upgrade(engine)
    after = {name: inspect(engine).get_columns(name) for name in db.metadata.tables}
    assert {name: [column["name"] for column in columns] for name, columns in before.items()} == {
        name: [column["name"] for column in columns] for name, columns in after.items()
    }


@pytest.mark.parametrize("table", ["subscriptions", "outbox_messages"])
def test_what_belongs_to_a_person_goes_with_them(engine: Engine, table: str):
    (key,) = [
        key
        for key in inspect(engine).get_foreign_keys(table)
        if key["referred_table"] == "subscribers"
    ]
    assert key["options"]["ondelete"] == "CASCADE"


def test_a_migration_may_take_longer_than_a_request(engine: Engine):
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no such limit")
    limits: list[str] = []

    def note(_connection, cursor, statement, *_more):
        if "alembic_version" in statement:
            limits.append(cursor.connection.execute("SHOW statement_timeout").fetchone()[0])

    event.listen(engine, "before_cursor_execute", note)
    upgrade(engine)
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "30s"
    assert set(limits) == {"0"}


def revision(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


def test_a_migration_gives_way_to_a_transaction_that_stays_open(engine: Engine):
    """Whoever wants the table after it would wait for as long as it does."""
    if engine.dialect.name != "postgresql":
        pytest.skip("in SQLite a reader keeps no writer waiting")
    downgrade(engine, "0007")
    with engine.connect() as reader, engine.connect() as other:
        reader.execute(text("SELECT count(*) FROM outbox_messages"))
        with pytest.raises(OperationalError, match="lock timeout"):
            upgrade(engine, lock_timeout_ms=50)
        other.execute(text("SET statement_timeout = '5s'"))
        other.execute(text("SELECT count(*) FROM outbox_messages"))
        # The first step stays, and has let go of what it locked.
        other.execute(text("LOCK TABLE admin_sessions NOWAIT"))
    assert revision(engine) == "0008"
    upgrade(engine)
    assert difference(engine) is None


FEW_ROWS = {"outbox_batches", "mailing_lists"}
"""Tables of which nothing takes long: rows of calls under way, and what people make by hand."""
_LONG = re.compile(r"\s*(CREATE (UNIQUE )?INDEX|UPDATE|DELETE|INSERT)\b", re.IGNORECASE)
_TABLE = re.compile(r"\b(?:ON|UPDATE|FROM|INTO)\s+(\w+)", re.IGNORECASE)
_HELD = text(
    "SELECT relname, mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation"
    " WHERE pid = :pid AND granted AND relkind = 'r' AND relnamespace = 'public'::regnamespace"
    " AND mode IN"
    " ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
)
"""Locks that keep others waiting, on tables that are there for others."""


def test_no_step_keeps_a_table_from_others_while_it_does_what_takes_long(engine: Engine):
    if engine.dialect.name != "postgresql":
        pytest.skip("in SQLite a writer has the file to itself")
    looked: list[str] = []
    held: list[tuple[str, list[str]]] = []

    def look(_connection, cursor, statement, *_more):
        if not _LONG.match(statement) or "alembic_version" in statement:
            return
        with engine.connect() as other:
            there = set(inspect(other).get_table_names())
            if not there & set(_TABLE.findall(statement)) - FEW_ROWS:
                return
            locks = other.execute(_HELD, {"pid": cursor.connection.info.backend_pid})
            found = [f"{table} {mode}" for table, mode in locks if table not in FEW_ROWS]
        looked.append(statement)
        if found:
            held.append((statement, found))

    downgrade(engine, "base")
    event.listen(engine, "before_cursor_execute", look)
    upgrade(engine)
    event.remove(engine, "before_cursor_execute", look)
    assert len(looked) > 10
    assert held == []


def test_a_migration_of_several_transactions_goes_on_where_it_broke_off(engine: Engine):
    if engine.dialect.name != "postgresql":
        pytest.skip("in SQLite all is one transaction")
    downgrade(engine, "0013")
    with engine.connect() as writer, engine.connect() as other:
        writer.execute(text("LOCK TABLE provider_events IN ROW EXCLUSIVE MODE"))
        with pytest.raises(OperationalError, match="lock timeout"):
            upgrade(engine, lock_timeout_ms=50)
        other.execute(text("LOCK TABLE consent_events, subscriptions NOWAIT"))
        there = {index["name"] for index in inspect(other).get_indexes("consent_events")}
        assert {"ix_consent_events_subscriber_id_at_id", "ix_consent_events_acts"} < there
    assert revision(engine) == "0013"
    upgrade(engine)
    assert difference(engine) is None
    downgrade(engine, "0013")
    upgrade(engine)
    assert difference(engine) is None


def test_a_migration_leaves_no_limit_and_no_lock_behind(engine: Engine):
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has neither")
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW lock_timeout")) == "0"
        locks = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database WHERE"
        held = text(f"{locks} locktype = 'advisory' AND datname = current_database()")
        assert connection.scalar(held) == 0


def test_tables_that_change_often_are_vacuumed_often(engine: Engine):
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no autovacuum")
    query = text(
        "SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL"
        " AND relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    with engine.connect() as connection:
        found = {name: set(options) for name, options in connection.execute(query)}
    assert "autovacuum_vacuum_scale_factor=0.01" in found["outbox_messages"]
    assert "autovacuum_vacuum_scale_factor=0.01" in found["webhook_deliveries"]
    assert "autovacuum_vacuum_scale_factor=0" in found["outbox_batches"]
    downgrade(engine, "0021")
    with engine.connect() as connection:
        assert connection.execute(query).all() == []
    upgrade(engine)
