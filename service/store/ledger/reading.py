"""Reading the sealed ledger: all of it in pages, or what it holds of one person."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, or_, select

from service.domain.ledger.format import PERSONAL_FIELDS, LedgerEvent
from service.store.ledger.sealing import EVENT_COLUMNS, event_of
from service.store.tables.ledger import ConsentEvent, LedgerEntry, SealedText
from service.store.tables.people import Subscriber, Subscription

_EVENT = tuple(
    ConsentEvent.__table__.c[name] for name in (*EVENT_COLUMNS, *PERSONAL_FIELDS, "salt")
)
_ENTRY = (
    LedgerEntry.position,
    LedgerEntry.previous_hash,
    LedgerEntry.entry_hash,
    LedgerEntry.sealed_at,
    LedgerEntry.text_sha256,
    LedgerEntry.commitments,
)


Place = tuple[datetime, UUID]
"""Time and id of an event, after which a person's next ones are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An entry with the event that it seals; None where the event is gone."""

    position: int
    previous_hash: str
    entry_hash: str
    sealed_at: datetime
    commitments: dict[str, Any]
    event: LedgerEvent | None
    salt: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonEvents:
    """What the ledger holds of one person: what is sealed, and what waits for it."""

    sealed: tuple[StoredEntry, ...]
    unsealed: tuple[LedgerEvent, ...]
    next: Place | None
    """The place after which there are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionTimes:
    """A subscription as a receipt shows it."""

    mailing_list_id: UUID
    status: str
    epoch: int
    consent_text_version: str | None
    requested_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    ended_reason: str | None


def entries_after(connection: Connection, position: int, *, limit: int) -> Sequence[StoredEntry]:
    """Return the next entries after this position, in the chain's order."""
    rows = connection.execute(
        select(*_ENTRY, *_EVENT)
        .outerjoin(ConsentEvent, ConsentEvent.id == LedgerEntry.event_id)
        .where(LedgerEntry.position > position)
        .order_by(LedgerEntry.position)
        .limit(limit)
    ).mappings()
    return [_stored(row) for row in rows]


def events_of_person(
    connection: Connection,
    subscriber_id: UUID,
    *,
    list_ids: Collection[UUID] | None,
    after: Place | None,
    limit: int,
) -> PersonEvents:
    """Return the person's next events on these lists (None: on all), `limit` of them in the order
    of their time; those that are sealed in the chain's order.
    """
    query = (
        select(*_ENTRY, *_EVENT)
        .outerjoin_from(ConsentEvent, LedgerEntry, LedgerEntry.event_id == ConsentEvent.id)
        .where(ConsentEvent.subscriber_id == subscriber_id)
        .order_by(ConsentEvent.at, ConsentEvent.id)
        .limit(limit + 1)
    )
    if list_ids is not None:
        query = query.where(ConsentEvent.mailing_list_id.in_(list_ids))
    if after is not None:
        query = query.where(
            ConsentEvent.at >= after[0],
            or_(ConsentEvent.at > after[0], ConsentEvent.id > after[1]),
        )
    found = connection.execute(query).mappings().all()
    rows = found[:limit]
    sealed = sorted(
        (row for row in rows if row["position"] is not None), key=lambda row: row["position"]
    )
    return PersonEvents(
        sealed=tuple(_stored(row) for row in sealed),
        unsealed=tuple(event_of(row) for row in rows if row["position"] is None),
        next=(rows[-1]["at"], rows[-1]["id"]) if len(found) > limit else None,
    )


def texts(connection: Connection, hashes: Collection[str] | None = None) -> dict[str, str]:
    """Return the words with these hashes (None: all that were ever sealed), by hash."""
    query = select(SealedText.sha256, SealedText.text).order_by(SealedText.sha256)
    if hashes is not None:
        query = query.where(SealedText.sha256.in_(hashes))
    return {row.sha256: row.text for row in connection.execute(query)}


def email_of(connection: Connection, subscriber_id: UUID) -> str | None:
    """Return the person's address, or None where there is no such person."""
    found: str | None = connection.scalar(
        select(Subscriber.email).where(Subscriber.id == subscriber_id)
    )
    return found


def subscriptions_of(
    connection: Connection, subscriber_id: UUID, *, list_ids: Collection[UUID] | None
) -> list[SubscriptionTimes]:
    """Return the person's subscriptions to these lists (None: to all)."""
    table = Subscription.__table__
    columns = [table.c[name] for name in SubscriptionTimes.__slots__]
    query = select(*columns).where(table.c.subscriber_id == subscriber_id)
    if list_ids is not None:
        query = query.where(table.c.mailing_list_id.in_(list_ids))
    rows = connection.execute(query.order_by(table.c.mailing_list_id)).mappings()
    return [SubscriptionTimes(**row) for row in rows]


def _stored(row: RowMapping) -> StoredEntry:
    return StoredEntry(
        position=row["position"],
        previous_hash=row["previous_hash"],
        entry_hash=row["entry_hash"],
        sealed_at=row["sealed_at"],
        commitments=row["commitments"],
        event=event_of(row, text_sha256=row["text_sha256"]) if row["id"] is not None else None,
        salt=row["salt"],
    )
