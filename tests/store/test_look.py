"""A look asks the database by the driver alone, and is as safe as what SQLAlchemy asks."""

from contextlib import suppress

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError

from service.domain.subscription import LinkScope, SubscriptionRef
from service.store.database import open_engine
from service.store.links import looks
from service.store.links.looks import progress_of, states_of
from service.store.look import Look
from service.store.sql import Sql, run, sql
from service.store.types import new_id
from tests.plans import age_statistics, whole_reads
from tests.scenario import Scenario

TEXTS = Look(sql("SELECT CAST(:id AS text), 7, CAST(:id AS text) || :end, NULL"))
OURS = Look(Sql(postgresql="SELECT pg_backend_pid()", sqlite="SELECT 1"))


def test_columns_are_text_or_none(engine: Engine):
    id_ = new_id()
    assert TEXTS(engine, id=id_, end="ü:end") == [[str(id_), "7", f"{id_}ü:end", None]]


def test_a_look_leaves_no_transaction_and_no_connection_behind(postgres_url: URL):
    engine = open_engine(postgres_url)
    try:
        OURS(engine)
        assert engine.pool.status().endswith("Current Checked out connections: 0")
        with engine.begin() as connection:
            found = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND starts_with(state, 'idle in transaction')"
            )
            assert found.scalar_one() == 0
    finally:
        engine.dispose()


def test_a_look_is_prepared_again_where_it_was_forgotten(postgres_url: URL):
    engine = open_engine(postgres_url)
    try:
        before = OURS(engine)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("DEALLOCATE ALL")
        assert OURS(engine) == before
    finally:
        engine.dispose()


def test_a_connection_that_the_server_ended_is_replaced(postgres_url: URL):
    engine = open_engine(postgres_url)
    try:
        [[first]] = OURS(engine)
        other = open_engine(postgres_url)
        with other.begin() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": int(first or 0)})
        other.dispose()
        with suppress(OperationalError):  # it ended only as it was asked
            OURS(engine)
        assert OURS(engine) != [[first]]
    finally:
        engine.dispose()


def test_what_goes_wrong_is_raised_as_sqlalchemy_raises_it(engine: Engine):
    with pytest.raises(DBAPIError):
        Look(sql("SELECT nothing FROM nowhere WHERE id = :id"))(engine, id="1")
    [[one]] = Look(sql("SELECT 1"))(engine)
    assert one == "1"


def test_pages_ask_by_keys(scenario: Scenario, engine: Engine):
    age_statistics(scenario)
    with whole_reads(engine) as found, engine.begin() as connection:
        for look in (looks._OF_PERSON, looks._PROGRESS):
            run(connection, look.statement, subscriber_id=new_id(), message_id=new_id())
    assert found == []


def test_a_link_finds_only_what_it_is_about(scenario: Scenario, engine: Engine):
    scenario.sign_up()
    link = scenario.scope()
    other = SubscriptionRef(new_id(), 1)
    scope = LinkScope(link.subscriber_id, (*link.refs, other))
    found = states_of(engine, scope)
    assert [list_id for _, list_id in found] == list(link.list_ids)
    assert states_of(engine, LinkScope(new_id(), link.refs)) == {}
    assert states_of(engine, LinkScope(link.subscriber_id, (other,))) == {}


def test_the_progress_of_nothing_is_nothing(engine: Engine):
    found = progress_of(engine, new_id())
    assert (found.message, found.email, found.oldest_due) == (None, None, None)
