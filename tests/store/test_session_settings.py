"""Nothing depends on what the PostgreSQL server, database or role has set."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from service.app import create_app, services_of
from service.store.database import engine_options, prepare_engine
from service.store.tables.base import db
from tests.conftest import make_settings
from tests.postgres import libpq
from tests.scenario import Scenario

ODD = {
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kolkata",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "search_path": "nowhere",
    "client_encoding": "LATIN1",
    "statement_timeout": "50",
    "lock_timeout": "1",
    "lc_messages": "C",
}


@pytest.fixture
def odd_url(postgres_url: URL) -> Iterator[URL]:
    with psycopg.connect(libpq(postgres_url), autocommit=True) as admin:
        admin.execute("SET statement_timeout TO 0")
        for name, value in ODD.items():
            admin.execute(
                sql.SQL("ALTER DATABASE {} SET {} TO {}").format(
                    sql.Identifier(str(postgres_url.database)),
                    sql.Identifier(name),
                    sql.SQL(value) if name == "DateStyle" else sql.Literal(value),
                )
            )
    yield postgres_url
    with psycopg.connect(libpq(postgres_url.set(database="postgres")), autocommit=True) as admin:
        admin.execute(
            sql.SQL("ALTER DATABASE {} RESET ALL").format(
                sql.Identifier(str(postgres_url.database))
            )
        )


def engine_on(url: URL) -> Engine:
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    return engine


def test_a_session_sets_what_it_depends_on(odd_url: URL):
    engine = engine_on(odd_url)
    with engine.connect() as connection:
        found = {name: connection.scalar(text(f"SHOW {name}")) for name in ODD}
        isolation = connection.scalar(text("SHOW transaction_isolation"))
    engine.dispose()
    assert found | {"default_transaction_isolation": ""} == {
        "DateStyle": "ISO, DMY",
        "IntervalStyle": "postgres",
        "TimeZone": "UTC",
        "extra_float_digits": "1",
        "bytea_output": "hex",
        "standard_conforming_strings": "on",
        "default_transaction_isolation": "",
        "default_transaction_read_only": "off",
        "search_path": "nowhere, public",
        "client_encoding": "UTF8",
        "statement_timeout": "30s",
        "lock_timeout": "0",
        "lc_messages": "C",
    }
    assert isolation == "read committed"


def test_a_signup_is_taken_mailed_confirmed_and_exported_whatever_the_server_has_set(
    odd_url: URL, tmp_path: Path
):
    app = create_app(make_settings(odd_url, tmp_path))
    services = services_of(app)
    client = app.test_client()
    with app.app_context():
        engine = db.engine
    given = {"email": "zo\u00eb@example.org", "name": "\u0160\u00e1rka \u4e2d"}
    assert client.post("/v1/subscriptions", json=given).status_code == 202
    deliver = services.deliver
    for batch in deliver.claim(calls=1):
        deliver.deliver(batch)
    scenario = Scenario.of(services, engine)
    [message] = scenario.messages(given["email"])
    assert message.status == "accepted"
    scenario.confirm(given["email"])
    assert scenario.leave(given["email"]) is not None
    key = services.keys.create("boss", "admin", actor="test")
    exported = client.get(
        "/v1/subscribers/export", headers={"Authorization": f"Bearer {key}"}
    ).get_data(as_text=True)
    assert given["email"] in exported
    assert given["name"] in exported
    assert f"{scenario.subscription(given['email']).confirmed_at:%Y-%m-%dT%H:%M}" in exported
    assert client.get("/readyz").status_code == 200
    services_of(app).close()


def test_tables_in_a_schema_of_their_own_stay_where_they_are(postgres_url: URL):
    url = postgres_url.update_query_dict({"options": "-c search_path=pg_temp,public"})
    engine = engine_on(url)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW search_path")) == "pg_temp,public"
    engine.dispose()


def test_a_server_that_vanishes_is_noticed_within_seconds(postgres_url: URL):
    engine = engine_on(postgres_url)
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        with socket.fromfd(driver.fileno(), socket.AF_INET, socket.SOCK_STREAM) as wire:
            assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 5000
            assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5
    engine.dispose()


def test_what_the_url_says_of_the_connection_wins(postgres_url: URL):
    engine = engine_on(postgres_url.update_query_dict({"tcp_user_timeout": "9000"}))
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        with socket.fromfd(driver.fileno(), socket.AF_INET, socket.SOCK_STREAM) as wire:
            assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 9000
    engine.dispose()
