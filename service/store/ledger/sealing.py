"""Sealing: consent events get their place in the chain, after the commit that wrote them.

The order of the chain is the order of sealing. Ids and times cannot give it: a transaction that
began earlier may commit later. So unsealed events are found by their missing position, never by
"newer than the last one", and the next run finds one that was committed late.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, RowMapping, func, select, update

from service.domain.ledger.format import PERSONAL_FIELDS, Head, LedgerEvent
from service.store.bulk import rows_of, rows_parameter
from service.store.sql import run, sql
from service.store.tables.ledger import ConsentEvent, LedgerEntry, LedgerHead

_HEAD_ID = 1
EVENT_COLUMNS = (
    "id",
    "kind",
    "at",
    "subscriber_id",
    "mailing_list_id",
    "epoch",
    "locale",
    "text_version",
)
_SEALED = rows_of(
    "position:long event_id:uuid previous_hash:text entry_hash:text sealed_at:time "
    "text_sha256:text commitments:json salt:text"
)
_ENTRIES = sql(
    """
INSERT INTO ledger_entries
    (position, event_id, previous_hash, entry_hash, sealed_at, text_sha256, commitments)
SELECT position, event_id, previous_hash, entry_hash, sealed_at, text_sha256, commitments
FROM ({rows}) AS sealed
""",
    rows=_SEALED,
)
_EVENTS = sql(
    """
UPDATE consent_events SET position = sealed.position, salt = sealed.salt
FROM ({rows}) AS sealed WHERE consent_events.id = sealed.event_id
""",
    rows=_SEALED,
)
_TEXTS = sql(
    """
INSERT INTO sealed_texts (sha256, text) SELECT sha256, text FROM ({rows}) AS words
WHERE true ORDER BY sha256 ON CONFLICT (sha256) DO NOTHING
""",
    rows=rows_of("sha256:text text:text"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """An event with its place in the chain."""

    position: int
    event_id: UUID
    previous_hash: str
    entry_hash: str
    sealed_at: datetime
    text_sha256: str | None
    commitments: Mapping[str, str]
    salt: str


def has_unsealed(connection: Connection) -> bool:
    """Return whether any committed event waits for its place."""
    query = select(ConsentEvent.id).where(ConsentEvent.position.is_(None)).limit(1)
    return connection.execute(query).first() is not None


def count_unsealed(connection: Connection) -> int:
    """Return how many events have no place in the chain yet."""
    query = select(func.count()).where(ConsentEvent.position.is_(None))
    return connection.scalar(query) or 0


def is_broken(connection: Connection) -> bool:
    """Return whether the newest entry differs from the head. Then nothing more is sealed."""
    head = read_head(connection)
    return bool(head.position) and hash_at(connection, head.position) != head.entry_hash


def read_head(connection: Connection) -> Head:
    """Return where the chain ends."""
    row = connection.execute(select(LedgerHead.position, LedgerHead.entry_hash)).one()
    return Head(position=row.position, entry_hash=row.entry_hash)


def lock_head(connection: Connection) -> Head | None:
    """Return where the chain ends, locked for this transaction; None if another one seals."""
    row = connection.execute(
        select(LedgerHead.position, LedgerHead.entry_hash)
        .where(LedgerHead.id == _HEAD_ID)
        .with_for_update(skip_locked=True)
    ).first()
    return Head(position=row.position, entry_hash=row.entry_hash) if row is not None else None


def hash_at(connection: Connection, position: int) -> str | None:
    """Return the hash of the entry at this position, where there is one."""
    query = select(LedgerEntry.entry_hash).where(LedgerEntry.position == position)
    found: str | None = connection.scalar(query)
    return found


def lock_unsealed(connection: Connection, *, limit: int) -> list[LedgerEvent]:
    """Return events without a place, by id, locked; except those that are just being erased."""
    rows = connection.execute(
        select(ConsentEvent.__table__)
        .where(ConsentEvent.position.is_(None))
        .order_by(ConsentEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).mappings()
    return [event_of(row) for row in rows]


def event_of(row: RowMapping, *, text_sha256: str | None = None) -> LedgerEvent:
    """Read an event from a row of `consent_events`."""
    return LedgerEvent(
        **{name: row[name] for name in EVENT_COLUMNS},
        text_sha256=text_sha256,
        personal={name: row[name] for name in PERSONAL_FIELDS if row[name] is not None},
    )


def append(connection: Connection, sealed: Sequence[Sealed]) -> None:
    """Write entries that follow the locked head, mark their events, and move the head."""
    rows = rows_parameter(
        [{name: getattr(each, name) for name in Sealed.__slots__} for each in sealed]
    )
    for statement in (_ENTRIES, _EVENTS):
        run(connection, statement, rows=rows)
    last = sealed[-1]
    connection.execute(
        update(LedgerHead)
        .where(LedgerHead.id == _HEAD_ID)
        .values(position=last.position, entry_hash=last.entry_hash)
    )


def keep_texts(connection: Connection, texts: Iterable[tuple[str, str]]) -> None:
    """Keep the texts that entries name, each once; given as pairs of SHA-256 and text."""
    rows = [{"sha256": sha256, "text": words} for sha256, words in texts]
    if rows:
        run(connection, _TEXTS, rows=rows_parameter(rows))
