"""Imported rows as statements read them: the part `GIVEN_ROWS`, and the rows behind it.

PostgreSQL takes a chunk by `COPY` into a temporary table, SQLite as one JSON value. No text of a
row is empty, so that an empty cell of the COPY is NULL.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection, CursorResult
from uuid_utils import uuid7

from service.domain.consent import ConsentKind
from service.domain.files.import_row import ImportRow
from service.store.bulk import rows_of, rows_parameter
from service.store.database import named_errors
from service.store.sql import Sql, run

_COLUMNS = (
    "place:int subscriber_id:uuid event_id:uuid email:text email_key:text address_hash:text "
    "is_first:int list_id:uuid status:text name:text locale:text attributes:json source:text "
    "text_version:text requested_at:time confirmed_at:time ended_at:time ended_reason:text "
    "ended_from:time ended_to:time at:time epoch:int kind:text detail:text"
)
_NAMES = [column.partition(":")[0] for column in _COLUMNS.split()]
_IMPORTED, _ENDED = ConsentKind.IMPORTED.value, ConsentKind.UNSUBSCRIBED.value
_POSTGRES_TYPES = {"time": "timestamptz", "json": "jsonb", "int": "integer"}

GIVEN_ROWS = Sql(postgresql="SELECT * FROM imported_rows", sqlite=rows_of(_COLUMNS).sqlite)
"""The part of a statement that gives the rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportItem:
    """A row with the id of its list and the keyed hash of its address, which the use case adds."""

    row: ImportRow
    list_id: UUID
    address_hash: str


Writing = tuple[int, bool]
"""The epoch that a row is written in, and whether it ends a subscription."""

NEW: Writing = (1, False)
_NO_END = (None, None, None, None)


def as_rows(
    items: Sequence[ImportItem], at: datetime, writings: Iterable[Writing] = repeat(NEW)
) -> Iterator[tuple[Any, ...]]:
    """Give each row's values in the order of the columns, with the ids of what it may make.

    The ids are those of `new_id`, as the text that both databases take.
    """
    seen: set[str] = set()
    for place, (item, (epoch, has_ended)) in enumerate(zip(items, writings, strict=False)):
        row = item.row
        key = row.address.key
        said_at = row.confirmed_at or row.requested_at
        yield (
            place,
            str(uuid7()),
            str(uuid7()),
            row.address.typed,
            key,
            item.address_hash,
            int(key not in seen),
            item.list_id,
            row.status.value,
            row.name,
            row.locale,
            _compact(row.attributes),
            row.source,
            # Nobody agrees to a text by unsubscribing.
            None if has_ended else row.consent_text_version,
            row.requested_at,
            row.confirmed_at,
            *(
                (end.at or at, end.reason.value, end.earliest, end.latest)
                if (end := row.ended)
                else _NO_END
            ),
            at,
            epoch,
            _ENDED if has_ended else _IMPORTED,
            (row.ended.reason if row.ended and has_ended else None)
            or f"{row.status.value}, consent of {said_at.isoformat()}",
        )
        seen.add(key)


def _compact(attributes: dict[str, Any] | None) -> str | None:
    if attributes is None:
        return None
    return json.dumps(attributes, ensure_ascii=False, separators=(",", ":"))


class GivenRows(Protocol):
    """Rows that statements read by `GIVEN_ROWS`."""

    def fill(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Have these rows, and none of those before."""

    def run(self, statement: Sql) -> CursorResult[Any]:
        """Run a statement over the rows."""


def given_rows(connection: Connection) -> GivenRows:
    """Return the way that this database takes rows, without any yet."""
    is_postgres = connection.dialect.name == "postgresql"
    return _CopiedRows(connection) if is_postgres else _JsonRows(connection)


class _JsonRows:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._parameter = "[]"

    def fill(self, rows: Iterable[tuple[Any, ...]]) -> None:
        # One row at a time: its pieces take many times the room of its text.
        written = (rows_parameter([dict(zip(_NAMES, row, strict=True))]) for row in rows)
        self._parameter = f"[{','.join(row[1:-1] for row in written)}]"

    def run(self, statement: Sql) -> CursorResult[Any]:
        return run(self._connection, statement, rows=self._parameter)


class _CopiedRows:
    """Rows in a table of this transaction.

    A whole import takes 1.4 to 1.7 times as long where PostgreSQL reads them as JSON (medians of 3,
    30,000 rows). Statements reach the other tables by index only: the planner knows nothing of
    tables that grow as it plans.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        pairs = [column.split(":") for column in _COLUMNS.split()]
        typed = ", ".join(f"{name} {_POSTGRES_TYPES.get(kind, kind)}" for name, kind in pairs)
        self._driver: Any = connection.connection.driver_connection
        connection.exec_driver_sql(
            "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; "
            f"CREATE TEMPORARY TABLE imported_rows ({typed}) ON COMMIT DROP"
        )
        self._is_empty = True

    def fill(self, rows: Iterable[tuple[Any, ...]]) -> None:
        if not self._is_empty:
            self._connection.exec_driver_sql("TRUNCATE imported_rows")
        self._is_empty = False
        encoded = io.BytesIO()
        lines = io.TextIOWrapper(encoded, "utf-8", newline="")
        csv.writer(lines).writerows(rows)
        lines.flush()
        with (
            named_errors(self._connection.dialect),
            self._driver.cursor() as cursor,
            cursor.copy("COPY imported_rows FROM STDIN (FORMAT csv, ENCODING 'UTF8')") as copy,
        ):
            copy.write(encoded.getvalue())

    def run(self, statement: Sql) -> CursorResult[Any]:
        return run(self._connection, statement)
