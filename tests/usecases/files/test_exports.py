"""The exported file: the same bytes from both databases, and nothing that a spreadsheet runs."""

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, insert, text
from sqlalchemy.engine import URL

from service.domain.files.exchange import (
    EXPORT_COLUMNS,
    EXTRA_COLUMNS,
    TEXT_FORMATS,
    FileFormat,
    guard,
    guard_json,
    unguard,
)
from service.domain.subscription import LinkScope, Status
from service.store.database import engine_options, prepare_engine
from service.store.files.csv_lines import csv_line
from service.store.files.export_query import Selection
from service.store.files.exports import RowCount, export_blocks
from service.store.lists.lists import insert_list
from service.store.tables.people import Subscriber, Subscription

NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
OTHER_LIST = UUID(int=7)
NAMES = [
    None,
    "",
    "Ada",
    'Quote " and, comma',
    "two\nlines",
    "carriage\rreturn",
    "\ttab",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "'=1",
    "''=1",
    "'tis",
    "\\.",
    "back\\slash",
    " leading space",
    "Zoë 🎉 名前",
    "\x01\x02\x1f\x7f",
    "</script>",
    "%s %(x)s :x",
    "Ada;=1+1",
    "Ada; '=1+1",
    'Ada;"=1+1"',
    "Ada;\u3000\uff1d1+1",
    "a|+1",
    "a\t-1",
    "two\n@lines",
    "\r\n=1",
    "\xa0=1",
    "\ufeff=1",
    " =1",
    "\uff1d1+1",
    ";=;'=;''=",
    "a ; b | c, no formula",
    "\xe9=1",
    "a=b; c-d",
    ";" * 60 + "=1",
    ";=" * 40 + " " + ";=" * 40,
]
ATTRIBUTES = [
    None,
    {},
    {"b": 1, "a": [1, 2.50, -0.0, None, True], "longer": {"x": "é\n\"'"}},
    {"formula": "x;=1+1|=2", "a;=b": [";=1"]},
    {"n": 1e5, "small": 1e-7, "big": 12345678901234567890},
]


RUNS = '[\\s"\ufeff\xa0]*[=+@\uff1d-]'
"""What begins a formula."""


def link(scope: LinkScope, at: datetime) -> str:
    ref = scope.refs[0]
    return f"https://x.example/{scope.subscriber_id}/{ref.mailing_list_id}/{ref.epoch}/{at:%S%f}"


def fill(engine: Engine) -> None:
    """Write the same people into any database."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing_lists SET id = :id"), {"id": str(UUID(int=3))})
        insert_list(connection, slug="other", name="Other", at=NOW)
        connection.execute(
            text("UPDATE mailing_lists SET id = :id WHERE slug = 'other'"),
            {"id": str(OTHER_LIST)},
        )
        for number, name in enumerate(NAMES, start=1):
            at = NOW + timedelta(microseconds=number * 1000 if number % 2 else 500_000)
            connection.execute(
                insert(Subscriber).values(
                    id=UUID(int=1000 - number),
                    email=f"+tag{number}@example.org" if number % 3 else f"P{number}@Example.org",
                    email_key=f"p{number}@example.org",
                    name=name,
                    locale="en" if number % 2 else None,
                    attributes=ATTRIBUTES[number % len(ATTRIBUTES)],
                    created_at=at,
                    updated_at=at,
                )
            )
            for list_id in (UUID(int=3), OTHER_LIST)[: 1 + number % 2]:
                connection.execute(
                    insert(Subscription).values(
                        subscriber_id=UUID(int=1000 - number),
                        mailing_list_id=list_id,
                        status=list(Status)[number % 3],
                        epoch=number,
                        source=name,
                        consent_text_version="1",
                        requested_at=at,
                        confirmed_at=at if number % 3 else None,
                        ended_at=at if number % 3 == 2 else None,
                        ended_reason="one_click" if number % 3 == 2 else None,
                        updated_at=at,
                    )
                )


def export(engine: Engine, **selected: object) -> bytes:
    return b"".join(export_blocks(engine, Selection(**selected), link, RowCount()))  # type: ignore[arg-type]


@pytest.fixture
def filled(engine: Engine) -> Engine:
    fill(engine)
    return engine


@pytest.fixture
def both(sqlite_url: URL, postgres_url: URL) -> Iterator[tuple[Engine, Engine]]:
    with ExitStack() as stack:
        engines = []
        for url in (sqlite_url, postgres_url):
            made = create_engine(url, **engine_options(url))
            stack.callback(made.dispose)
            prepare_engine(made)
            fill(made)
            engines.append(made)
        yield engines[0], engines[1]


@pytest.mark.parametrize("form", TEXT_FORMATS)
@pytest.mark.parametrize(
    "columns",
    [
        EXPORT_COLUMNS,
        (*EXPORT_COLUMNS, "attributes"),
        EXPORT_COLUMNS + EXTRA_COLUMNS,
        ("unsubscribe_url",),
        ("name",),
        ("attributes", "email"),
        ("email", "keila_first_name", "keila_last_name", "keila_data", "keila_status"),
    ],
    ids=lambda columns: f"{len(columns)}-{columns[-1]}",
)
def test_both_databases_give_the_same_bytes(
    both: tuple[Engine, Engine], form: FileFormat, columns: tuple[str, ...]
):
    sqlite, postgres = (export(each, format=form, columns=columns) for each in both)
    assert sqlite == postgres
    assert sqlite.count(b"example.org") or columns in {("name",), ("unsubscribe_url",)}


def test_csv_reads_back_as_it_was(filled: Engine):
    rows = list(csv.DictReader(io.StringIO(export(filled).decode(), newline="")))
    assert list(rows[0]) == list(EXPORT_COLUMNS)
    assert {unguard(row["name"]) for row in rows} == {name or "" for name in NAMES}
    assert {row["list"] for row in rows} == {"news-flash", "other"}
    assert all(row["requested_at"].endswith("Z") for row in rows)
    assert not [row for row in rows if row["name"][:1] in set("=+-@\t\r\n") and row["name"]]
    assert not [row for row in rows if row["email"].startswith("+")]


def test_ndjson_has_one_object_a_line_with_the_columns_as_keys(filled: Engine):
    columns = (*EXPORT_COLUMNS, "attributes")
    lines = (
        export(filled, format=FileFormat.NDJSON, columns=columns)
        .decode()
        .removesuffix("\n")
        .split("\n")
    )
    rows = [json.loads(line) for line in lines]
    assert list(rows[0]) == list(columns)
    assert {row["name"] for row in rows} == set(NAMES)
    assert any(row["attributes"] == ATTRIBUTES[2] for row in rows)


CELL_TEXT = st.text("=+-@\uff1d;|\t\r\n '\"\xa0\ufeffa1,", max_size=12)


@given(CELL_TEXT)
def test_a_guarded_cell_comes_back(text: str):
    assert unguard(guard(text)) == text
    assert unguard(guard(guard(text))) == guard(text)


@given(st.lists(CELL_TEXT, min_size=1, max_size=4))
def test_no_cell_runs_in_a_spreadsheet_with_other_separators(texts: list[str]):
    """It reads our line by its own separator, and takes our quotes and commas for text."""
    line = csv_line(["ada@example.org", *map(guard, texts)])
    assert line
    for separator in (";", "|", "\t"):
        for row in re.split("[\r\n]", line):
            for cell in row.split(separator):
                assert not re.match(RUNS, cell)


@given(CELL_TEXT)
def test_no_cell_runs_in_a_spreadsheet_with_our_separator(text: str):
    (row,) = csv.reader(io.StringIO(csv_line(["", guard(text)]), newline=""))
    assert not re.match(RUNS, row[1])


def test_json_in_a_cell_has_no_separator_and_is_the_same_json():
    value = {"a;b": "x;=1+1|=2", "c": [";", "\\;"]}
    guarded = guard_json(json.dumps(value))
    assert not set(";|") & set(guarded)
    assert json.loads(guarded) == value


def test_filters_choose_rows(filled: Engine):
    def rows(**selected: object) -> list[dict[str, str]]:
        data = export(filled, **selected).decode()
        return list(csv.DictReader(io.StringIO(data, newline="")))

    assert {row["list"] for row in rows(list_id=OTHER_LIST)} == {"other"}
    assert {row["status"] for row in rows(status=Status.CONFIRMED)} == {"confirmed"}
    late = rows(since=NOW + timedelta(milliseconds=500))
    assert 0 < len(late) < len(rows())
    assert rows(list_id=UUID(int=99)) == []


def test_closing_the_stream_ends_the_query(filled: Engine):
    blocks = export_blocks(filled, Selection(), link, RowCount())
    assert next(blocks).startswith(b"email,name,list,")
    blocks.close()
    with filled.begin() as connection:
        connection.execute(text("DROP TABLE consent_events"))
        connection.execute(text("DELETE FROM subscriptions"))
