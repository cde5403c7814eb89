"""What has been kept long enough: found in small batches, without waiting for anybody's lock."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, exists, func, or_, select
from sqlalchemy.orm import aliased

from service.domain.subscription import Status
from service.store.models import OutboxMessage, RecordedEvent, Subscriber, Subscription

_SETTLED = ("accepted", "dead", "withheld")


def unconfirmed_before(connection: Connection, at: datetime, *, limit: int) -> Sequence[UUID]:
    """Return people who never confirmed anything, asked last before `at`.

    Whoever is still owed a mail, or had one since, has not been asked long enough ago.
    """
    return _people(connection, at, limit=limit, has_left=False)


def ended_before(connection: Connection, at: datetime, *, limit: int) -> Sequence[UUID]:
    """Return people who left all their lists before `at`, and did not confirm one again."""
    return _people(connection, at, limit=limit, has_left=True)


def _people(connection: Connection, at: datetime, *, limit: int, has_left: bool) -> Sequence[UUID]:
    held, other = Subscription, aliased(Subscription)
    # A pending subscription of a later cycle is of somebody who left before.
    left = or_(held.status == Status.UNSUBSCRIBED.value, held.epoch > 1)
    other_left = or_(other.status == Status.UNSUBSCRIBED.value, other.epoch > 1)
    stays = or_(
        other.status == Status.CONFIRMED.value,
        func.coalesce(other.ended_at, other.requested_at) >= at,
    )
    if not has_left:
        stays = or_(stays, other_left)
    query = (
        select(held.subscriber_id)
        .join(Subscriber, Subscriber.id == held.subscriber_id)
        .where(
            held.status != Status.CONFIRMED.value,
            left if has_left else ~left,
            func.coalesce(held.ended_at, held.requested_at) < at,
            ~exists().where(other.subscriber_id == held.subscriber_id, stays),
            ~exists().where(
                OutboxMessage.subscriber_id == held.subscriber_id,
                OutboxMessage.created_at >= at,
            ),
        )
        .limit(limit)
        .with_for_update(of=Subscriber, skip_locked=True)
    )
    return list(dict.fromkeys(connection.scalars(query)))


def delete_mails_before(connection: Connection, at: datetime, *, limit: int) -> int:
    """Remove settled mails that were owed before `at`; return how many."""
    old = (
        select(OutboxMessage.id)
        .where(
            OutboxMessage.id < _first_id(at),
            OutboxMessage.created_at < at,
            OutboxMessage.status.in_(_SETTLED),
        )
        .order_by(OutboxMessage.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.scalars(old))
    return connection.execute(delete(OutboxMessage).where(OutboxMessage.id.in_(ids))).rowcount


def delete_events_before(connection: Connection, at: datetime, *, limit: int) -> int:
    """Remove what providers reported before `at`; return how many."""
    old = (
        select(RecordedEvent.provider, RecordedEvent.event_id)
        .where(RecordedEvent.received_at < at)
        .order_by(RecordedEvent.received_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    removed = 0
    for provider, event_id in connection.execute(old).all():
        removed += connection.execute(
            delete(RecordedEvent).where(
                RecordedEvent.provider == provider, RecordedEvent.event_id == event_id
            )
        ).rowcount
    return removed


def _first_id(at: datetime) -> UUID:
    """Return the least id that could be made at that time: ids sort by time (RFC 9562)."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
