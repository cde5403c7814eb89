"""Subscriptions as a stream of bytes: one snapshot, constant memory, the same on both databases.

PostgreSQL writes the file itself (`COPY … TO STDOUT`), and here its blocks are only passed on. Rows
go through Python on SQLite, and where each needs a signed link. Either way the stream has a
connection of its own, for it outlives the request that asked for it.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from service.domain.exchange import (
    EXPORT_COLUMNS,
    GUARD_PATTERN,
    GUARDED_COLUMNS,
    FileFormat,
    canonical_json,
    csv_line,
    guard,
    json_cell,
)
from service.domain.subscription import Cycles, Status, SubscriptionRef
from service.store.copy_out import PARALLEL_OPTIONS, copy_out
from service.store.types import utc_text

CHUNK_BYTES = 64 * 1024
FETCH_ROWS = 1000

Link = Callable[[Cycles, datetime], str]
"""Makes the unsubscribe link of a subscription requested at that time."""

_TIMES = frozenset({"requested_at", "confirmed_at", "ended_at"})
_SOURCES = {
    "email": "person.email",
    "name": "person.name",
    "list": "mailing_list.slug",
    "status": "held.status",
    "locale": "person.locale",
    "source": "held.source",
    "requested_at": "held.requested_at",
    "confirmed_at": "held.confirmed_at",
    "ended_at": "held.ended_at",
    "ended_reason": "held.ended_reason",
    "consent_text_version": "held.consent_text_version",
    "attributes": "person.attributes",
}
_FROM = """
FROM subscriptions AS held
JOIN subscribers AS person ON person.id = held.subscriber_id
JOIN mailing_lists AS mailing_list ON mailing_list.id = held.mailing_list_id
"""
_ORDER = " ORDER BY held.subscriber_id, held.mailing_list_id"
_LINK_COLUMNS = (
    "held.subscriber_id",
    "held.mailing_list_id",
    "held.epoch",
    "held.requested_at",
)
# What COPY never finds in JSON, so that it passes each line on as it is.
_NDJSON_AS_CSV = "FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which subscriptions, which columns of them, and how they are written."""

    format: FileFormat = FileFormat.CSV
    columns: tuple[str, ...] = EXPORT_COLUMNS
    list_id: UUID | None = None
    status: Status | None = None
    since: datetime | None = None
    """Only what has changed at this time or later."""


def export_blocks(engine: Engine, selection: Selection, link: Link) -> Generator[bytes, None, None]:
    """Give the file in blocks of about 64 KiB. Closing the generator ends the query.

    An error is raised in the middle of the stream, so whoever passes it on must not end it well.
    """
    blocks = (
        _copied(engine, selection)
        if engine.dialect.name == "postgresql" and "unsubscribe_url" not in selection.columns
        else _written(_rows(engine, selection), selection, link)
    )
    with closing(blocks):
        yield from _coalesced(blocks)


def _own_connection(engine: Engine) -> Any:
    """Open a driver's connection beside the pool, without its time limit for statements."""
    arguments, keywords = engine.dialect.create_connect_args(engine.url)
    if engine.dialect.name == "postgresql":
        keywords["options"] = f"-c timezone=UTC -c datestyle=ISO {PARALLEL_OPTIONS}"
    else:
        keywords.update(isolation_level=None, check_same_thread=False)
    return engine.dialect.connect(*arguments, **keywords)


def _column(name: str, *, dialect: str, guarded: bool, linked: bool) -> str:
    """Return the SQL of a column as text; times as ISO 8601 with Z, without trailing zeros."""
    source = _SOURCES[name]
    if name in _TIMES:
        if dialect == "postgresql":
            return f"replace(({source} AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z'"
        return f"rtrim(rtrim(substr({source}, 1, 26), '0'), '.') || 'Z'"
    if name == "attributes" and dialect == "postgresql" and linked:
        return f"{source}::text"  # the driver would parse it, only to have it written again
    if guarded and name in GUARDED_COLUMNS:
        # Most texts begin with a letter, and one cheap comparison tells.
        pattern = GUARD_PATTERN.replace("'", "''").translate(
            {ord("\t"): "\\t", ord("\r"): "\\r", ord("\n"): "\\n"}
        )
        return (
            f"CASE WHEN {source} COLLATE \"C\" < 'A' AND {source} ~ '{pattern}' "
            f"THEN '''' || {source} ELSE {source} END"
        )
    return source


def _query(
    selection: Selection, *, dialect: str, guarded: bool = False, linked: bool = False
) -> tuple[str, dict[str, Any]]:
    """Return the SELECT and its parameters, in the driver's own style. Link columns come first."""
    is_postgres = dialect == "postgresql"
    columns = [
        f'{_column(name, dialect=dialect, guarded=guarded, linked=linked)} AS "{name}"'
        for name in selection.columns
        if name in _SOURCES
    ]
    given: dict[str, Any] = {}
    conditions = []
    for name, condition, value in (
        ("list_id", "held.mailing_list_id =", selection.list_id),
        ("status", "held.status =", selection.status),
        ("since", "held.updated_at >=", selection.since),
    ):
        if value is not None:
            conditions.append(f"{condition} " + (f"%({name})s" if is_postgres else f":{name}"))
            given[name] = _bound(value, is_postgres=is_postgres)
    selected = ", ".join([*(_LINK_COLUMNS if linked else ()), *columns])
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {selected} {_FROM}{where}{_ORDER}", given


def _bound(value: UUID | Status | datetime, *, is_postgres: bool) -> object:
    if isinstance(value, Status):
        return value.value
    if is_postgres:
        return value
    return utc_text(value) if isinstance(value, datetime) else str(value)


def _copied(engine: Engine, selection: Selection) -> Generator[bytes, None, None]:
    """Have PostgreSQL write the file; give its blocks, one a row."""
    is_csv = selection.format is FileFormat.CSV
    query, given = _query(selection, dialect="postgresql", guarded=is_csv)
    if is_csv:
        statement = f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)"
    else:
        lines = f"SELECT row_to_json(line) FROM ({query}) AS line"
        statement = f"COPY ({lines}) TO STDOUT ({_NDJSON_AS_CSV})"
    with closing(_own_connection(engine)) as connection:
        yield from copy_out(connection, statement, given)


def _rows(engine: Engine, selection: Selection) -> Generator[Sequence[Any], None, None]:
    """Give the rows of one snapshot: the four link columns, then the columns selected."""
    dialect = engine.dialect.name
    query, given = _query(selection, dialect=dialect, linked=True)
    with closing(_own_connection(engine)) as connection:
        if dialect == "postgresql":
            cursor = connection.cursor(name="export")
        else:
            cursor = connection.cursor()
            cursor.execute("BEGIN")
        with closing(cursor):
            cursor.execute(query, given)
            while rows := cursor.fetchmany(FETCH_ROWS):
                yield from rows


def _written(
    rows: Iterator[Sequence[Any]], selection: Selection, link: Link
) -> Generator[bytes, None, None]:
    """Write rows as PostgreSQL would."""
    is_csv = selection.format is FileFormat.CSV
    if is_csv:
        yield csv_line(list(selection.columns)).encode()
    names = [name for name in selection.columns if name in _SOURCES]
    for subscriber_id, list_id, epoch, requested_at, *values in rows:
        cells: dict[str, str | None] = dict(zip(names, values, strict=True))
        if (attributes := cells.get("attributes")) is not None:
            cells["attributes"] = canonical_json(attributes)
        if "unsubscribe_url" in selection.columns:
            ref = SubscriptionRef(UUID(str(list_id)), epoch)
            cells["unsubscribe_url"] = link(
                Cycles(UUID(str(subscriber_id)), (ref,)),
                requested_at
                if isinstance(requested_at, datetime)
                else datetime.fromisoformat(requested_at),
            )
        write = _csv_row if is_csv else _json_row
        yield write(selection.columns, cells).encode(errors="replace")


def _csv_row(columns: Sequence[str], cells: dict[str, str | None]) -> str:
    return csv_line(
        [
            guard(cell) if (cell := cells[name]) and name in GUARDED_COLUMNS else cells[name]
            for name in columns
        ]
    )


def _json_row(columns: Sequence[str], cells: dict[str, str | None]) -> str:
    pairs = (
        f'"{name}":' + ((cells[name] or "null") if name == "attributes" else json_cell(cells[name]))
        for name in columns
    )
    return "{" + ",".join(pairs) + "}\n"


def _coalesced(blocks: Iterator[bytes]) -> Generator[bytes, None, None]:
    """Gather small blocks, so that the server has few large ones to send."""
    gathered: list[bytes] = []
    size = 0
    for block in blocks:
        gathered.append(bytes(block))
        size += len(block)
        if size >= CHUNK_BYTES:
            yield b"".join(gathered)
            gathered.clear()
            size = 0
    if gathered:
        yield b"".join(gathered)
