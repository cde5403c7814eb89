"""A copy gives every row, or an error."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import URL

from service.store.files.copy_out import copy_out
from tests.postgres import libpq


@pytest.fixture
def connection(postgres_url: URL) -> Iterator[psycopg.Connection[Any]]:
    with closing(psycopg.connect(libpq(postgres_url))) as made:
        yield made


def numbers(last: int, cell: str = "number") -> str:
    return f"COPY (SELECT {cell} FROM generate_series(1, {last}) AS number) TO STDOUT"  # noqa: S608 - our own text


def test_every_row_comes_once_and_in_order(connection: psycopg.Connection[Any]):
    rows = list(copy_out(connection, numbers(100_000), {}))
    assert rows == [b"%d\n" % number for number in range(1, 100_001)]


def test_parameters_are_written_into_the_statement(connection: psycopg.Connection[Any]):
    statement = "COPY (SELECT %(text)s::text, %(number)s::int) TO STDOUT"
    assert list(copy_out(connection, statement, {"text": "it's", "number": 7})) == [b"it's\t7\n"]


def test_copies_on_one_connection_are_one_transaction(connection: psycopg.Connection[Any]):
    copies = [list(copy_out(connection, "COPY (SELECT now()) TO STDOUT", {})) for _ in range(2)]
    assert copies[0] == copies[1]


def test_an_error_in_the_middle_is_raised(connection: psycopg.Connection[Any]):
    rows = copy_out(connection, numbers(9000, "repeat('x', 99) || 1 / (5000 - number)"), {})
    assert next(rows).startswith(b"xxx")
    with pytest.raises(psycopg.errors.DivisionByZero):
        list(rows)


def test_a_statement_that_cannot_begin_is_an_error(connection: psycopg.Connection[Any]):
    with pytest.raises(psycopg.errors.UndefinedTable):
        next(copy_out(connection, "COPY nowhere TO STDOUT", {}))


def test_a_copy_may_be_left_in_the_middle(connection: psycopg.Connection[Any], postgres_url: URL):
    rows = copy_out(connection, numbers(10_000_000), {})
    assert next(rows) == b"1\n"
    rows.close()
    connection.close()


def test_a_server_that_goes_away_is_an_error(
    connection: psycopg.Connection[Any], postgres_url: URL
):
    rows = copy_out(connection, numbers(10_000_000, "repeat('x', 100)"), {})
    next(rows)
    with psycopg.connect(libpq(postgres_url), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        for _ in rows:
            pass
