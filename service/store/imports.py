"""Imported rows, set by set: few statements a chunk, the same on both databases.

PostgreSQL takes the chunk by `COPY` into a temporary table, SQLite as one JSON parameter. No text
of a row is empty, so that an empty cell of the COPY is NULL.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection, text
from uuid_utils import uuid7

from service.domain.import_row import ImportRow
from service.domain.subscription import MAILS_A_DAY, Status
from service.store.bulk import execute_bulk, rows_parameter
from service.store.database import named_errors
from service.store.types import new_id

_COLUMNS = (
    "place:int subscriber_id:uuid event_id:uuid email:text email_key:text address_hash:text "
    "is_first:int list_id:uuid status:text name:text locale:text attributes:json source:text "
    "text_version:text requested_at:time confirmed_at:time ended_at:time ended_reason:text at:time "
    "detail:text"
)
_NAMES = [column.partition(":")[0] for column in _COLUMNS.split()]
_POSTGRES_TYPES = {"time": "timestamptz", "json": "jsonb", "int": "integer"}
_NOT_SUPPRESSED = """
    NOT EXISTS (SELECT 1 FROM suppressions WHERE suppressions.address_hash = given.address_hash)
"""
_SUBSCRIBERS = f"""
INSERT INTO subscribers (id, email, email_key, name, locale, attributes, created_at, updated_at)
SELECT subscriber_id, email, email_key, name, locale, attributes, at, at
FROM ({{rows}}) AS given
WHERE is_first = 1 AND {_NOT_SUPPRESSED}
ORDER BY email_key
ON CONFLICT (email_key) DO NOTHING
"""
# A pending subscription is raised by evidence, and one that is older than the person's leaving
# ends; where the file does not say when that was, only if they never signed up here themselves.
# All else stays as it is, also whatever is of a later cycle: the file may be from before.
_SUBSCRIPTIONS = f"""
INSERT INTO subscriptions
    (subscriber_id, mailing_list_id, status, epoch, source, consent_text_version, requested_at,
     confirmed_at, ended_at, ended_reason, updated_at)
SELECT person.id, given.list_id, given.status, 1, given.source, given.text_version,
    given.requested_at, given.confirmed_at, given.ended_at, given.ended_reason, given.at
FROM ({{rows}}) AS given JOIN subscribers AS person ON person.email_key = given.email_key
WHERE {_NOT_SUPPRESSED}
ORDER BY given.email_key, given.list_id
ON CONFLICT (subscriber_id, mailing_list_id) DO UPDATE SET
    status = excluded.status, ended_at = excluded.ended_at, ended_reason = excluded.ended_reason,
    source = CASE excluded.status
        WHEN 'confirmed' THEN excluded.source ELSE subscriptions.source END,
    consent_text_version = CASE excluded.status
        WHEN 'confirmed' THEN excluded.consent_text_version
        ELSE subscriptions.consent_text_version END,
    confirmed_at = CASE excluded.status
        WHEN 'confirmed' THEN excluded.confirmed_at ELSE subscriptions.confirmed_at END,
    updated_at = excluded.updated_at
WHERE subscriptions.epoch = 1 AND (
    (subscriptions.status = 'pending' AND excluded.status = 'confirmed')
    OR (subscriptions.status <> 'unsubscribed' AND excluded.status = 'unsubscribed'
        AND excluded.ended_at > COALESCE(subscriptions.confirmed_at, subscriptions.requested_at)
        AND (excluded.ended_at < excluded.updated_at OR NOT EXISTS (
            SELECT 1 FROM consent_events AS own
            WHERE own.subscriber_id = subscriptions.subscriber_id
            AND own.mailing_list_id = subscriptions.mailing_list_id
            AND own.kind = 'requested'))))
RETURNING CAST(subscriber_id AS text), CAST(mailing_list_id AS text)
"""
_OUTCOMES = """
SELECT given.place, CAST(known.subscriber_id AS text), known.status
FROM ({rows}) AS given
LEFT JOIN subscribers AS person ON person.email_key = given.email_key
LEFT JOIN subscriptions AS known
    ON known.subscriber_id = person.id AND known.mailing_list_id = given.list_id
"""
# What is written is of the first cycle, be it new, raised or ended.
_EVENTS = """
INSERT INTO consent_events
    (id, subscriber_id, mailing_list_id, epoch, kind, at, source, locale, text_version, detail,
     email, name)
SELECT given.event_id, person.id, given.list_id, 1, 'imported', given.at, given.source,
    given.locale, given.text_version, given.detail, given.email, given.name
FROM ({rows}) AS given JOIN subscribers AS person ON person.email_key = given.email_key
"""
# A person who had their mails of the day is not asked. As when they sign up themselves.
_MAILS = """
INSERT INTO outbox_messages
    (id, subscriber_id, kind, refs, locale, status, created_at, next_attempt_at)
SELECT owed.id, person.id, 'confirm', owed.refs, person.locale,
    CASE WHEN (SELECT count(*) FROM (SELECT 1 FROM outbox_messages AS sent
            WHERE sent.subscriber_id = person.id AND sent.status <> 'withheld'
            AND sent.created_at > owed.budget_since LIMIT :budget) AS enough) >= :budget
        THEN 'withheld' ELSE 'queued' END,
    owed.at, owed.at
FROM ({rows}) AS owed JOIN subscribers AS person ON person.email_key = owed.email_key
"""
_MAIL_COLUMNS = "id:uuid email_key:text refs:json at:time budget_since:time"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportItem:
    """A row with what the use case adds: its list's id and its address's keyed hash."""

    row: ImportRow
    list_id: UUID
    address_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of a row: written now, or else what stands (None: the address is suppressed)."""

    is_written: bool
    status: Status | None


def import_chunk(
    connection: Connection,
    items: Sequence[ImportItem],
    *,
    at: datetime,
    next_mail_at: Callable[[], datetime],
) -> list[Kept]:
    """Write what may be written of the rows, each with a consent event; tell what became of each.

    Whoever is to be asked is owed one mail, at the time that `next_mail_at` gives for it. No two of
    the rows may be for the same address and list.
    """
    is_postgres = connection.dialect.name == "postgresql"
    given: _Given = _CopiedRows(connection) if is_postgres else _JsonRows(connection)
    given.fill(_as_rows(items, at))
    given.execute(_SUBSCRIBERS)
    written = {(person, list_id) for person, list_id in given.execute(_SUBSCRIPTIONS)}
    kept = [Kept(is_written=True, status=item.row.status) for item in items]
    if len(written) < len(items):
        for place, person, status in given.execute(_OUTCOMES):
            if (person, str(items[place].list_id)) not in written:
                kept[place] = Kept(is_written=False, status=Status(status) if status else None)
        items = [item for item, each in zip(items, kept, strict=True) if each.is_written]
        given.fill(_as_rows(items, at))
    given.execute(_EVENTS)
    _ask(connection, [item for item in items if item.row.is_asked], next_mail_at)
    return kept


def _ask(
    connection: Connection, items: Sequence[ImportItem], next_mail_at: Callable[[], datetime]
) -> None:
    asked: dict[str, list[list[Any]]] = {}
    for item in items:
        asked.setdefault(item.row.address.key, []).append([str(item.list_id), 1])
    if asked:
        execute_bulk(
            connection,
            _MAILS,
            columns=_MAIL_COLUMNS,
            rows=rows_parameter([_mail(key, refs, next_mail_at()) for key, refs in asked.items()]),
            budget=MAILS_A_DAY,
        )


def _mail(email_key: str, refs: list[list[Any]], at: datetime) -> dict[str, Any]:
    """Return a message that is as old as it is due: its link lives from then on."""
    return {
        "id": new_id(),
        "email_key": email_key,
        "refs": sorted(refs),
        "at": at,
        "budget_since": at - timedelta(days=1),
    }


def _as_rows(items: Sequence[ImportItem], at: datetime) -> Iterator[tuple[Any, ...]]:
    """Give each row's values in the order of the columns, with the ids of what it may make.

    The ids are those of `new_id`, as the text that both databases take.
    """
    seen: set[str] = set()
    for place, item in enumerate(items):
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
            row.consent_text_version,
            row.requested_at,
            row.confirmed_at,
            (row.ended_at or at) if row.status is Status.UNSUBSCRIBED else None,
            row.ended_reason.value if row.ended_reason else None,
            at,
            f"{row.status.value}, consent of {said_at.isoformat()}",
        )
        seen.add(key)


def _compact(attributes: dict[str, Any] | None) -> str | None:
    if attributes is None:
        return None
    return json.dumps(attributes, ensure_ascii=False, separators=(",", ":"))


class _Given(Protocol):
    """Rows that statements read as `{rows}`."""

    def fill(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Have these rows, and none of those before."""

    def execute(self, sql: str) -> Iterable[Any]:
        """Run a statement over the rows."""


class _JsonRows:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._parameter = "[]"

    def fill(self, rows: Iterable[tuple[Any, ...]]) -> None:
        # One row at a time: its pieces take many times the room of its text.
        written = (rows_parameter([dict(zip(_NAMES, row, strict=True))]) for row in rows)
        self._parameter = f"[{','.join(row[1:-1] for row in written)}]"

    def execute(self, sql: str) -> Iterable[Any]:
        return execute_bulk(self._connection, sql, columns=_COLUMNS, rows=self._parameter)


class _CopiedRows:
    """Rows in a table of this transaction. Statements reach the rest by index only: the planner
    knows nothing of tables that grow as it plans.
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

    def execute(self, sql: str) -> Iterable[Any]:
        return self._connection.execute(text(sql.format(rows="SELECT * FROM imported_rows")))
