"""Imported rows, set by set: four statements a chunk, the same on both databases.

PostgreSQL takes the chunk by `COPY` into a temporary table, SQLite as one JSON parameter.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, CursorResult, text

from service.domain.consent import ConsentKind
from service.domain.import_row import ImportRow
from service.domain.subscription import MAILS_A_DAY, Status
from service.store.bulk import execute_bulk, rows_parameter
from service.store.types import new_id

_COLUMNS = (
    "place:int subscriber_id:uuid email:text email_key:text address_hash:text is_first:int "
    "list_id:uuid status:text name:text locale:text attributes:json source:text text_version:text "
    "requested_at:time confirmed_at:time ended_at:time ended_reason:text at:time"
)
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
# Only a pending subscription is raised, and only by evidence. All else stays as it is, also what is
# pending in a later cycle: the file's consent may be from before the person left.
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
    status = excluded.status, source = excluded.source,
    consent_text_version = excluded.consent_text_version, confirmed_at = excluded.confirmed_at,
    updated_at = excluded.updated_at
WHERE subscriptions.status = 'pending' AND subscriptions.epoch = 1
    AND excluded.status = 'confirmed'
RETURNING subscriber_id, mailing_list_id
"""
_OUTCOMES = """
SELECT given.place, known.subscriber_id, known.status, known.epoch
FROM ({rows}) AS given
LEFT JOIN subscribers AS person ON person.email_key = given.email_key
LEFT JOIN subscriptions AS known
    ON known.subscriber_id = person.id AND known.mailing_list_id = given.list_id
"""
_EVENTS = """
INSERT INTO consent_events
    (id, subscriber_id, mailing_list_id, epoch, kind, at, source, locale, text_version, detail,
     email, name)
SELECT id, subscriber_id, list_id, epoch, kind, at, source, locale, text_version, detail, email,
    name
FROM ({rows}) AS happened
"""
# A person who had their mails of the day is not asked. As when they sign up themselves.
_MAILS = """
INSERT INTO outbox_messages
    (id, subscriber_id, kind, refs, locale, status, created_at, next_attempt_at)
SELECT owed.id, owed.subscriber_id, 'confirm', owed.refs, person.locale,
    CASE WHEN (SELECT count(*) FROM outbox_messages AS sent
        WHERE sent.subscriber_id = owed.subscriber_id
        AND sent.created_at > owed.budget_since AND sent.status <> 'withheld') >= :budget
        THEN 'withheld' ELSE 'queued' END,
    owed.at, owed.at
FROM ({rows}) AS owed JOIN subscribers AS person ON person.id = owed.subscriber_id
"""
_MAIL_COLUMNS = "id:uuid subscriber_id:uuid refs:json at:time budget_since:time"
_EVENT_COLUMNS = (
    "id:uuid subscriber_id:uuid list_id:uuid epoch:int kind:text at:time source:text locale:text "
    "text_version:text detail:text email:text name:text"
)


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
    rows = _as_rows(items, at)
    run = _postgres_runner if connection.dialect.name == "postgresql" else _sqlite_runner
    execute = run(connection, rows)
    execute(_SUBSCRIBERS)
    written = {(str(person), str(list_id)) for person, list_id in execute(_SUBSCRIPTIONS)}
    kept: list[Kept] = []
    events: list[dict[str, Any]] = []
    asked: dict[str, list[list[Any]]] = {}
    found = {place: (person, status, epoch) for place, person, status, epoch in execute(_OUTCOMES)}
    for place, item in enumerate(items):
        person, status, epoch = found[place]
        is_written = (str(person), str(item.list_id)) in written
        kept.append(Kept(is_written=is_written, status=Status(status) if status else None))
        if is_written:
            events.append(_event(item, subscriber_id=person, epoch=epoch, at=at))
            if item.row.is_asked:
                asked.setdefault(str(person), []).append([str(item.list_id), epoch])
    if events:
        execute_bulk(connection, _EVENTS, columns=_EVENT_COLUMNS, rows=rows_parameter(events))
    if asked:
        mails = [_mail(person, refs, next_mail_at()) for person, refs in asked.items()]
        execute_bulk(
            connection,
            _MAILS,
            columns=_MAIL_COLUMNS,
            rows=rows_parameter(mails),
            budget=MAILS_A_DAY,
        )
    return kept


def _mail(subscriber_id: str, refs: list[list[Any]], at: datetime) -> dict[str, Any]:
    """Return a message that is as old as it is due: its link lives from then on."""
    return {
        "id": new_id(),
        "subscriber_id": subscriber_id,
        "refs": sorted(refs),
        "at": at,
        "budget_since": at - timedelta(days=1),
    }


def _event(item: ImportItem, *, subscriber_id: Any, epoch: int, at: datetime) -> dict[str, Any]:
    row = item.row
    said_at = row.confirmed_at or row.requested_at
    return {
        "id": new_id(),
        "subscriber_id": str(subscriber_id),
        "list_id": item.list_id,
        "epoch": epoch,
        "kind": ConsentKind.IMPORTED.value,
        "at": at,
        "source": row.source,
        "locale": row.locale,
        "text_version": row.consent_text_version,
        "detail": f"{row.status.value}, consent of {said_at.isoformat()}",
        "email": row.address.typed,
        "name": row.name,
    }


def _as_rows(items: Sequence[ImportItem], at: datetime) -> list[dict[str, Any]]:
    seen: set[str] = set()
    rows = []
    for place, item in enumerate(items):
        row = item.row
        rows.append(
            {
                "place": place,
                "subscriber_id": new_id(),
                "email": row.address.typed,
                "email_key": row.address.key,
                "address_hash": item.address_hash,
                "is_first": int(row.address.key not in seen),
                "list_id": item.list_id,
                "status": row.status.value,
                "name": row.name,
                "locale": row.locale,
                "attributes": row.attributes,
                "source": row.source,
                "text_version": row.consent_text_version,
                "requested_at": row.requested_at,
                "confirmed_at": row.confirmed_at,
                "ended_at": row.ended_at,
                "ended_reason": row.ended_reason.value if row.ended_reason else None,
                "at": at,
            }
        )
        seen.add(row.address.key)
    return rows


def _sqlite_runner(connection: Connection, rows: list[dict[str, Any]]) -> Any:
    parameter = rows_parameter(rows)

    def execute(sql: str) -> CursorResult[Any]:
        return execute_bulk(connection, sql, columns=_COLUMNS, rows=parameter)

    return execute


def _postgres_runner(connection: Connection, rows: list[dict[str, Any]]) -> Any:
    """Copy the rows into a table of this transaction. Statements reach the rest by index only:
    the planner knows nothing of tables that grow as it plans.
    """
    pairs = [column.split(":") for column in _COLUMNS.split()]
    typed = ", ".join(f"{name} {_POSTGRES_TYPES.get(kind, kind)}" for name, kind in pairs)
    for statement in (
        "SET LOCAL enable_hashjoin = off",
        "SET LOCAL enable_mergejoin = off",
        f"CREATE TEMPORARY TABLE imported_rows ({typed}) ON COMMIT DROP",
    ):
        connection.exec_driver_sql(statement)
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy("COPY imported_rows FROM STDIN") as copy:
        for row in rows:
            attributes = row["attributes"]
            row["attributes"] = json.dumps(attributes) if attributes is not None else None
            copy.write_row(tuple(row.values()))

    def execute(sql: str) -> CursorResult[Any]:
        return connection.execute(text(sql.format(rows="SELECT * FROM imported_rows")))

    return execute
