"""The migrations build what the models say, on both databases, up and down."""

import pytest
from flask import Flask
from flask_migrate import check, downgrade, upgrade
from sqlalchemy import Engine, event, inspect

from service.store.models import db


def test_models_and_migrations_do_not_drift(app: Flask):
    with app.app_context():
        check()


def test_every_table_of_the_models_is_there(app: Flask, engine: Engine):
    tables = set(inspect(engine).get_table_names())
    assert tables == {*db.metadata.tables, "alembic_version"}


def test_every_index_of_the_models_is_there(app: Flask, engine: Engine):
    found = inspect(engine)
    for name, table in db.metadata.tables.items():
        there = {index["name"] for index in found.get_indexes(name)}
        assert {str(index.name) for index in table.indexes} <= there, name


def test_migrations_can_be_undone_and_done_again(app: Flask, engine: Engine):
    with app.app_context():
        downgrade(revision="base")
        assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
        upgrade()
        check()


def test_migrating_again_changes_nothing(app: Flask, engine: Engine):
    before = {name: inspect(engine).get_columns(name) for name in db.metadata.tables}
    with app.app_context():
        upgrade()
    after = {name: inspect(engine).get_columns(name) for name in db.metadata.tables}
    assert {name: [column["name"] for column in columns] for name, columns in before.items()} == {
        name: [column["name"] for column in columns] for name, columns in after.items()
    }


@pytest.mark.parametrize("table", ["subscriptions", "outbox_messages"])
def test_what_belongs_to_a_person_goes_with_them(app: Flask, engine: Engine, table: str):
    (key,) = [
        key
        for key in inspect(engine).get_foreign_keys(table)
        if key["referred_table"] == "subscribers"
    ]
    assert key["options"]["ondelete"] == "CASCADE"


def test_a_migration_may_take_longer_than_a_request(app: Flask, engine: Engine):
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no such limit")
    limits: list[str] = []

    def note(_connection, cursor, statement, *_more):
        if "alembic_version" in statement:
            limits.append(cursor.connection.execute("SHOW statement_timeout").fetchone()[0])

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
        upgrade()
        event.remove(db.engine, "before_cursor_execute", note)
        with db.engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "30s"
    assert set(limits) == {"0"}
