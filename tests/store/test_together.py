"""Statements that run together: in one transaction, alike however the database is reached."""

from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from service.store.database import open_engine
from service.store.sql import Sql, sql
from service.store.together import Rows, Together

_ADD = """
INSERT INTO suppressions (address_hash, reason, email_key, created_at)
SELECT :hash, {reason}, 'ann-60%@example.org', {at}
"""
_AT = Sql(postgresql="now()", sqlite="'2026-11-27T00:00:00.000000Z'")
ADD_TWO = Together(
    name="add_two",
    values={"hash": "text"},
    statements=(
        sql(_ADD, reason="'manual'", at=_AT),
        sql(_ADD, reason="'complaint'", at=_AT),
        sql("SELECT count(*) FROM suppressions WHERE address_hash = :hash"),
    ),
    returns="number bigint",
)
ADD_ONE_TWICE = Together(
    name="add_one_twice",
    values={"hash": "text"},
    statements=(sql(_ADD, reason="'manual'", at=_AT), sql(_ADD, reason="'manual'", at=_AT)),
)


def number(rows: Rows) -> int:
    ((found,),) = rows
    return int(found)


def kept(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT reason FROM suppressions ORDER BY reason")))


def test_each_statement_sees_what_those_before_it_wrote(engine: Engine):
    assert number(ADD_TWO.commit(engine, hash="a")) == 2
    assert kept(engine) == ["complaint", "manual"]
    assert number(ADD_TWO.commit(engine, hash="b")) == 2


def test_what_fails_writes_nothing_and_the_next_one_works(engine: Engine):
    for _ in range(3):
        with pytest.raises(IntegrityError):
            ADD_ONE_TWICE.commit(engine, hash="a")
    assert kept(engine) == []
    ADD_TWO.commit(engine, hash="a")
    assert kept(engine) == ["complaint", "manual"]


def test_they_can_be_part_of_a_transaction(engine: Engine):
    with engine.connect() as connection:
        assert number(ADD_TWO.run(connection, hash="a")) == 2
        connection.rollback()
    assert kept(engine) == []


def test_a_connection_that_the_server_closed_is_replaced(engine: Engine):
    if engine.dialect.name != "postgresql":
        pytest.skip("a file closes no connection")
    ADD_TWO.commit(engine, hash="a")
    other = create_engine(engine.url, isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.dispose()
    try:
        ADD_TWO.commit(engine, hash="b")
    except OperationalError:  # the server's farewell had not come yet
        ADD_TWO.commit(engine, hash="b")
    assert len(kept(engine)) == 4


def test_a_server_that_is_not_there_is_an_error_of_the_database(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    if engine.dialect.name != "postgresql":
        pytest.skip("a file is there")
    gone = open_engine(engine.url.set(port=1))
    monkeypatch.setattr("service.store.together.keep_in_step", lambda _: None)
    with pytest.raises(OperationalError):
        ADD_TWO.commit(gone, hash="a")
    gone.dispose()


def test_a_role_that_may_not_make_functions_writes_the_same(engine: Engine):
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no roles")
    role, database = f"plain_{uuid4().hex[:8]}", engine.url.database
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN"))
        connection.execute(text(f'REVOKE TEMPORARY ON DATABASE "{database}" FROM PUBLIC'))
        connection.execute(text(f"GRANT SELECT, INSERT ON suppressions TO {role}"))
    plain = open_engine(engine.url.set(username=role))
    try:
        for name in ("a", "b"):
            assert number(ADD_TWO.commit(plain, hash=name)) == 2
        assert len(kept(engine)) == 4
    finally:
        plain.dispose()
        with engine.begin() as connection:
            connection.execute(text(f'GRANT TEMPORARY ON DATABASE "{database}" TO PUBLIC'))
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))
