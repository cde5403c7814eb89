"""Subscriptions as a stream of bytes: one snapshot, constant memory, the same on both databases.

PostgreSQL writes the file itself (`COPY … TO STDOUT`), and here its blocks are only passed on. Rows
go through Python on SQLite, in a workbook, and where each needs a signed link. Either way the
stream has a connection of its own, for it outlives the request that asked for it.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from service.domain.files.exchange import (
    BYTE_ORDER_MARK,
    FileFormat,
    guard,
    guard_json,
)
from service.domain.files.presets import KEILA_DATA_BYTES, MAX_LENGTHS
from service.domain.json_text import canonical_json, json_cell
from service.domain.subscription import LinkScope, SubscriptionRef
from service.store.database import engine_options, named_errors, settle
from service.store.files.copy_out import PARALLEL_SETTINGS, copy_out
from service.store.files.csv_lines import csv_line
from service.store.files.export_query import JSON_COLUMNS, SOURCES, Selection, queries
from service.store.files.xlsx import workbook
from service.store.sql import for_driver, sql

CHUNK_BYTES = 64 * 1024
FETCH_ROWS = 1000

Link = Callable[[LinkScope, datetime], str]
"""Makes the unsubscribe link of a subscription requested at that time."""

_COPY_CSV = "COPY ({query}) TO STDOUT ({options})"
_COPY_NDJSON = "COPY (SELECT row_to_json(line) FROM ({query}) AS line) TO STDOUT ({options})"
# What COPY never finds in JSON, so that it passes each line on as it is.
_NDJSON_AS_CSV = "FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01'"


@dataclass(slots=True)
class RowCount:
    """How many rows have been given, the header not among them."""

    rows: int = 0


def export_blocks(
    engine: Engine, selection: Selection, link: Link, row_count: RowCount
) -> Generator[bytes, None, None]:
    """Give the file in blocks of about 64 KiB, counting its rows. Closing it ends the query.

    An error is raised in the middle of the stream. The caller must then not end the file as if it
    were whole.
    """
    is_text = selection.format is not FileFormat.XLSX
    if (
        is_text
        and engine.dialect.name == "postgresql"
        and "unsubscribe_url" not in selection.columns
    ):
        blocks = _gathered(_copied(engine, selection), selection, row_count)
    else:
        cells = _cells(_rows(engine, selection), selection, link)
        blocks = (
            _gathered(_written(cells, selection), selection, row_count)
            if is_text
            else workbook(selection.header, _counted(cells, row_count))
        )
    with closing(blocks):
        yield from blocks


def _own_connection(engine: Engine) -> Any:
    """Open a driver's connection beside the pool, without its time limit for statements.

    On PostgreSQL its transaction has begun: one snapshot for all that the file is made of.
    """
    arguments, keywords = engine.dialect.create_connect_args(engine.url)
    options = engine_options(engine.url)["connect_args"]
    if engine.dialect.name == "sqlite":
        options = {"isolation_level": None, "check_same_thread": False}
    with named_errors(engine.dialect), ExitStack() as stack:
        connection: Any = engine.dialect.connect(*arguments, **(keywords | options))
        stack.callback(connection.close)
        if engine.dialect.name == "postgresql":
            settle(connection)
            connection.isolation_level = engine.dialect.loaded_dbapi.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            connection.execute(f"SET LOCAL statement_timeout = 0; {PARALLEL_SETTINGS}")
        stack.pop_all()
    return connection


def _copied(engine: Engine, selection: Selection) -> Generator[bytes, None, None]:
    """Have PostgreSQL write the file; give its blocks, one a row."""
    is_csv = selection.format is FileFormat.CSV
    with closing(_own_connection(engine)) as connection:
        options = "FORMAT csv, HEADER" if is_csv else _NDJSON_AS_CSV
        for query, values in queries(selection, guarded=is_csv):
            copy = sql(_COPY_CSV if is_csv else _COPY_NDJSON, query=query, options=options)
            yield from copy_out(connection, *for_driver(engine.dialect, copy, values))
            options = options.removesuffix(", HEADER")


def _rows(engine: Engine, selection: Selection) -> Generator[Sequence[Any], None, None]:
    """Give the rows of one snapshot: the four link columns, then the columns selected."""
    dialect = engine.dialect.name
    with closing(_own_connection(engine)) as connection:
        if dialect != "postgresql":
            connection.execute("BEGIN")
        for query, values in queries(selection, linked=True):
            named = {"name": "export"} if dialect == "postgresql" else {}
            with closing(connection.cursor(**named)) as cursor:
                cursor.execute(*for_driver(engine.dialect, query, values))
                while rows := cursor.fetchmany(FETCH_ROWS):
                    yield from rows


def _cells(
    rows: Generator[Sequence[Any], None, None], selection: Selection, link: Link
) -> Generator[list[str | None], None, None]:
    """Give each row's cells as text, in the order of the columns."""
    columns = selection.columns
    names = [name for name in columns if name in SOURCES]
    json_names = [name for name in JSON_COLUMNS if name in columns]
    has_link = "unsubscribe_url" in columns
    with closing(rows):
        for subscriber_id, list_id, epoch, requested_at, *values in rows:
            cells: dict[str, Any] = dict(zip(names, values, strict=True))
            for name in json_names:
                cells[name] = _json_text(name, cells[name])
            if cells.get("id") is not None:
                cells["id"] = str(cells["id"])
            if has_link:
                cells["unsubscribe_url"] = subscriber_id and link(
                    LinkScope(
                        UUID(str(subscriber_id)), (SubscriptionRef(UUID(str(list_id)), epoch),)
                    ),
                    requested_at
                    if isinstance(requested_at, datetime)
                    else datetime.fromisoformat(requested_at),
                )
            yield [cells[name] for name in columns]


def _json_text(name: str, stored: str | None) -> str | None:
    text = canonical_json(stored) if stored is not None else None
    is_too_long = name == "keila_data" and text and len(text.encode()) > KEILA_DATA_BYTES
    return None if is_too_long else text


def _written(
    rows: Generator[list[str | None], None, None], selection: Selection
) -> Generator[bytes, None, None]:
    """Write rows as PostgreSQL would."""
    is_csv = selection.format is FileFormat.CSV
    if is_csv:
        yield csv_line(list(selection.header)).encode()
    guarded = selection.guarded.union(JSON_COLUMNS)
    with closing(rows):
        for cells in rows:
            line = (
                csv_line(
                    [
                        _guarded(name, cell) if cell and name in guarded else cell
                        for name, cell in zip(selection.columns, cells, strict=True)
                    ]
                )
                if is_csv
                else _json_row(selection, cells)
            )
            yield line.encode(errors="replace")


def _guarded(name: str, cell: str) -> str:
    if name in JSON_COLUMNS:
        return guard_json(cell)
    return guard(cell)[: MAX_LENGTHS.get(name)]


def _json_row(selection: Selection, cells: Sequence[str | None]) -> str:
    pairs = (
        f'"{title}":' + ((cell or "null") if name in JSON_COLUMNS else json_cell(cell))
        for name, title, cell in zip(selection.columns, selection.header, cells, strict=True)
    )
    return "{" + ",".join(pairs) + "}\n"


def _counted(
    rows: Generator[list[str | None], None, None], row_count: RowCount
) -> Iterator[list[str | None]]:
    with closing(rows):
        for cells in rows:
            row_count.rows += 1
            yield cells


def _gathered(
    lines: Generator[bytes, None, None], selection: Selection, row_count: RowCount
) -> Generator[bytes, None, None]:
    """Gather lines, so that the server has few large blocks to send, and count them."""
    gathered: list[bytes] = []
    size = 0
    is_csv = selection.format is FileFormat.CSV
    row_count.rows = -1 if is_csv else 0  # a header is no row
    mark = BYTE_ORDER_MARK if is_csv and selection.has_mark else b""
    with closing(lines):
        for line in lines:
            gathered.append(bytes(line))
            size += len(line)
            if size >= CHUNK_BYTES:
                row_count.rows += len(gathered)
                yield mark + b"".join(gathered)
                mark = b""
                gathered.clear()
                size = 0
    if gathered:
        row_count.rows += len(gathered)
        yield mark + b"".join(gathered)
