"""Nothing depends on what the PostgreSQL server, database or role has set."""

import socket
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from service.store.database import engine_options, prepare_engine
from tests.postgres import libpq

ODD = {
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kolkata",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "default_transaction_isolation": "serializable",
}


@pytest.fixture
def odd_url(postgres_url: URL) -> URL:
    with psycopg.connect(libpq(postgres_url), autocommit=True) as admin:
        for name, value in ODD.items():
            admin.execute(
                sql.SQL("ALTER DATABASE {} SET {} TO {}").format(
                    sql.Identifier(str(postgres_url.database)),
                    sql.Identifier(name),
                    sql.SQL(value) if name == "DateStyle" else sql.Literal(value),
                )
            )
    return postgres_url


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
    }
    assert isolation == "read committed"


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
