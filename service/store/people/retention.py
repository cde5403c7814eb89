"""What has been kept long enough: found by reading only, and checked again once it is locked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from service.domain.subscription import Status
from service.store.plans import there_is_none
from service.store.tables.delivery import OutboxMessage, RecordedEvent
from service.store.tables.people import Subscriber, Subscription
from service.store.types import first_id

_SETTLED = ("accepted", "failed", "withheld")
_HELD = Subscription
_PENDING = _HELD.status == Status.PENDING.value
_UNSUBSCRIBED = _HELD.status == Status.UNSUBSCRIBED.value

_Kinds = Sequence[tuple[ColumnElement[bool], InstrumentedAttribute[Any]]]
"""Kinds of subscriptions, each with the time that it is found and ordered by."""


def unconfirmed_before(connection: Connection, at: datetime, *, limit: int) -> Sequence[UUID]:
    """Return people who never confirmed anything, asked last before `at`; the longest ago first.

    Nobody to whom an email is queued, or was sent since, is among them.
    """
    return _find(connection, at, _unconfirmed(at), limit=limit, has_left=False)


def ended_before(connection: Connection, at: datetime, *, limit: int) -> Sequence[UUID]:
    """Return people who unsubscribed from all lists before `at` and confirmed none again."""
    return _find(connection, at, _ended(at), limit=limit, has_left=True)


def lock_unconfirmed(
    connection: Connection, at: datetime, people: Sequence[UUID]
) -> Sequence[UUID]:
    """Lock and return the people who `unconfirmed_before` would still return."""
    return _lock(connection, at, people, _unconfirmed(at), has_left=False)


def lock_ended(connection: Connection, at: datetime, people: Sequence[UUID]) -> Sequence[UUID]:
    """Lock and return the people who `ended_before` would still return."""
    return _lock(connection, at, people, _ended(at), has_left=True)


def _unconfirmed(at: datetime) -> _Kinds:
    return [(and_(_PENDING, _HELD.epoch == 1, _HELD.requested_at < at), _HELD.requested_at)]


def _ended(at: datetime) -> _Kinds:
    # A pending subscription of a later cycle is of somebody who had unsubscribed.
    return [
        (and_(_UNSUBSCRIBED, _HELD.ended_at < at), _HELD.ended_at),
        (and_(_PENDING, _HELD.epoch > 1, _HELD.requested_at < at), _HELD.requested_at),
    ]


def _due(at: datetime, kind: ColumnElement[bool], *, has_left: bool) -> Select[Any]:
    """Return the query of people with such a subscription and nothing newer."""
    other = aliased(Subscription)
    stays = [
        other.status == Status.CONFIRMED.value,
        func.coalesce(other.ended_at, other.requested_at) >= at,
    ]
    if not has_left:
        stays += [other.status == Status.UNSUBSCRIBED.value, other.epoch > 1]
    return select(_HELD.subscriber_id).where(
        kind,
        there_is_none(other.subscriber_id == _HELD.subscriber_id, or_(*stays)),
        there_is_none(
            OutboxMessage.subscriber_id == _HELD.subscriber_id, OutboxMessage.created_at >= at
        ),
    )


def _find(
    connection: Connection,
    at: datetime,
    kinds: _Kinds,
    *,
    limit: int,
    has_left: bool,
) -> Sequence[UUID]:
    """Look along the index of each kind of subscription. One query with OR would read them all."""
    found: dict[UUID, None] = {}
    for kind, order in kinds:
        query = _due(at, kind, has_left=has_left)
        found |= dict.fromkeys(connection.scalars(query.order_by(order).limit(limit)))
    return list(found)[:limit]


def _lock(
    connection: Connection,
    at: datetime,
    people: Sequence[UUID],
    kinds: _Kinds,
    *,
    has_left: bool,
) -> Sequence[UUID]:
    """Lock the people, except those that another transaction has locked, and check them again.

    PostgreSQL runs this at READ COMMITTED: the check is a statement after the locks, and so sees
    what was committed before them.
    """
    locked = list(
        connection.scalars(
            select(Subscriber.id)
            .where(Subscriber.id.in_(people))
            .order_by(Subscriber.email_key)
            .with_for_update(skip_locked=True)
        )
    )
    connection.execute(
        select(_HELD.subscriber_id)
        .where(_HELD.subscriber_id.in_(locked))
        .order_by(_HELD.subscriber_id, _HELD.mailing_list_id)
        .with_for_update()
    )
    query = _due(at, or_(*(kind for kind, _ in kinds)), has_left=has_left)
    still = set(connection.scalars(query.where(_HELD.subscriber_id.in_(locked))))
    return [id_ for id_ in locked if id_ in still]


def settled_before(connection: Connection, at: datetime, *, limit: int) -> Sequence[UUID]:
    """Return settled emails that were queued before `at`, oldest first."""
    query = (
        select(OutboxMessage.id)
        .where(
            OutboxMessage.id < first_id(at),
            OutboxMessage.created_at < at,
            OutboxMessage.status.in_(_SETTLED),
        )
        .order_by(OutboxMessage.id)
        .limit(limit)
    )
    return list(connection.scalars(query))


def delete_settled(connection: Connection, ids: Sequence[UUID]) -> int:
    """Remove those of the emails that are still settled; return how many.

    Their events stay, so that they are known if they come again. They lose their detail: it may
    quote the address, and erasure finds events only by their email.
    """
    is_settled = (OutboxMessage.id.in_(ids), OutboxMessage.status.in_(_SETTLED))
    gone = connection.scalars(delete(OutboxMessage).where(*is_settled).returning(OutboxMessage.id))
    removed = gone.all()
    connection.execute(
        update(RecordedEvent)
        .where(RecordedEvent.message_id.in_(removed), RecordedEvent.detail.is_not(None))
        .values(detail=None)
    )
    return len(removed)
