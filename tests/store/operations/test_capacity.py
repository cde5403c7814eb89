"""Processes and their pools fit what PostgreSQL takes, and who meets its limit says so."""

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from psycopg import sql
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from service.cli.errors import _unavailable
from service.cli.serving import sizing
from service.cli.serving.sizing import WEB_CONNECTIONS, WORKER_CONNECTIONS, web_processes
from service.front.limits import LANES
from service.store.database import POOL_CONNECTIONS, engine_options, prepare_engine, reading
from service.store.operations.capacity import connections_allowed, is_too_many
from service.store.tables.base import db
from tests.postgres import libpq


@pytest.fixture
def database_url(postgres_url: URL) -> URL:
    """SQLite has no connections to count."""
    return postgres_url


def allow(monkeypatch: pytest.MonkeyPatch, allowed: int | None, cpus: int) -> None:
    monkeypatch.setattr(sizing, "connections_allowed", lambda _connection: allowed)
    monkeypatch.setattr(sizing, "usable_cpus", lambda: cpus)


def test_a_pool_has_a_connection_for_each_thread_that_asks():
    assert sum(lane.threads for lane in LANES.values()) == POOL_CONNECTIONS


def test_what_the_server_takes_is_asked_of_it(engine: Engine):
    with reading(engine) as connection:
        found = connections_allowed(connection)
        limits = connection.exec_driver_sql(
            "SELECT current_setting('max_connections')::int,"
            " current_setting('superuser_reserved_connections')::int"
        ).one()
    assert found is not None
    assert 0 < found <= limits[0] - limits[1]


@pytest.mark.parametrize(
    ("allowed", "cpus", "asked", "started", "words"),
    [
        (97, 2, None, 2, None),
        (97, 14, None, 4, "Starting 4 web processes instead of 14: PostgreSQL allows 97"),
        (97, 2, 14, 14, "start at most 4 with --workers"),
        (97, 64, 4, 4, None),
        (WEB_CONNECTIONS + WORKER_CONNECTIONS, 1, None, 1, None),
        (WEB_CONNECTIONS + WORKER_CONNECTIONS - 1, 1, None, 1, "raise its max_connections to"),
        (None, 14, None, 14, None),
    ],
)
def test_as_many_processes_start_as_there_are_connections_for(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    allowed: int | None,
    cpus: int,
    asked: int | None,
    started: int,
    words: str | None,
):
    allow(monkeypatch, allowed, cpus)
    count, line = web_processes(engine, asked=asked, has_worker=True)
    assert count == started
    assert line is None if words is None else words in str(line)


def test_without_a_worker_there_is_room_for_more(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    allow(monkeypatch, 100, 5)
    assert web_processes(engine, asked=None, has_worker=False) == (5, None)


def test_sqlite_has_one_web_process(sqlite_url: URL):
    engine = create_engine(sqlite_url, **engine_options(sqlite_url))
    assert web_processes(engine, asked=None, has_worker=True) == (1, None)
    assert web_processes(engine, asked=3, has_worker=True) == (3, None)


@pytest.fixture
def crowded(database_url: URL) -> Iterator[URL]:
    """The database by a role that may connect once."""
    role = f"newsflash_crowded_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(libpq(database_url), autocommit=True) as admin:
        name = sql.Identifier(role)
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN CONNECTION LIMIT 1").format(name))
        yield database_url.set(username=role)
        admin.execute(sql.SQL("DROP ROLE {}").format(name))


def test_a_limit_of_the_role_counts(crowded: URL):
    engine = create_engine(crowded, **engine_options(crowded))
    prepare_engine(engine)
    with reading(engine) as connection:
        assert connections_allowed(connection) == 1
    engine.dispose()


def test_too_many_connections_are_named(crowded: URL):
    engine = create_engine(crowded, **engine_options(crowded))
    prepare_engine(engine)
    with engine.connect(), pytest.raises(OperationalError) as caught, engine.connect():
        pass
    engine.dispose()
    assert is_too_many(caught.value)
    assert "max_connections" in _unavailable(caught.value)
    wrong = database_that_is_not(crowded)
    with pytest.raises(OperationalError) as caught:
        wrong.connect()
    assert not is_too_many(caught.value)


def database_that_is_not(url: URL) -> Engine:
    return create_engine(url.set(database="there_is_none"))


def test_a_request_that_gets_no_connection_is_a_503_that_names_why(
    app: Flask, client: FlaskClient, crowded: URL, capfd: pytest.CaptureFixture[str]
):
    with app.app_context(), ExitStack() as stack:
        engine = db.engine
        engine.dispose()
        stack.callback(engine.dispose)
        stack.enter_context(psycopg.connect(libpq(crowded)))
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(
            engine.pool, "_creator", lambda *_: psycopg.connect(libpq(crowded))
        )
        answer = client.post("/v1/subscriptions", json={"email": "ada@example.org"})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    logged = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    (found,) = [entry for entry in logged if entry["event"] == "database unavailable"]
    assert found["error"] == "too_many_connections"
    assert "--workers" in found["text"]
    assert "max_connections" in found["text"]
