"""Subscribers as administrators see them: pages, one with everything, and changes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, exists, or_, select, update

from service.domain.person import (
    ConsentInfo,
    History,
    MessageInfo,
    SubscriberInfo,
    SubscriptionInfo,
)
from service.domain.subscription import Status
from service.store.people.holders import holders
from service.store.people.search import narrowed
from service.store.tables.delivery import OutboxMessage
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscriber, Subscription


def _columns(model: Any, info: type) -> list[Any]:
    return [model.__table__.c[name] for name in info.__dataclass_fields__]  # type: ignore[attr-defined]


def subscribers_page(
    connection: Connection,
    *,
    limit: int,
    after: UUID | None = None,
    list_id: UUID | None = None,
    status: Status | None = None,
    text: str | None = None,
) -> Sequence[SubscriberInfo]:
    """Return subscribers by id, oldest first, those after the id `after`.

    `text` is searched for in address, name and attribute values, regardless of case and accents; a
    domain in either of its forms. A whole address that is known finds its owner alone. `list_id`
    and `status` mean one and the same subscription.
    """
    query = select(*_columns(Subscriber, SubscriberInfo)).order_by(Subscriber.id).limit(limit)
    if after is not None:
        query = query.where(Subscriber.id > after)
    is_held = list_id is not None or status is not None
    if text:
        held = _holds(list_id, status) if is_held else None
        query = narrowed(connection, query, text, also=held)
    elif is_held:
        ids = holders(connection, list_id=list_id, status=status, after=after, limit=limit)
        query = query.where(Subscriber.id.in_(ids))
    return [SubscriberInfo(**row) for row in connection.execute(query).mappings()]


def _holds(list_id: UUID | None, status: Status | None) -> ColumnElement[bool]:
    held = exists().where(Subscription.subscriber_id == Subscriber.id)
    if list_id is not None:
        held = held.where(Subscription.mailing_list_id == list_id)
    if status is not None:
        held = held.where(Subscription.status == status.value)
    return held


def get_subscriber(
    connection: Connection, subscriber_id: UUID, *, lock: bool = False
) -> SubscriberInfo | None:
    """Return the subscriber or None; `lock` keeps others from changing it in this transaction."""
    query = select(*_columns(Subscriber, SubscriberInfo)).where(Subscriber.id == subscriber_id)
    if lock:
        query = query.with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    return SubscriberInfo(**row) if row is not None else None


def find_id(connection: Connection, email_key: str) -> UUID | None:
    """Return the id of the subscriber with this address, or None."""
    return connection.scalar(select(Subscriber.id).where(Subscriber.email_key == email_key))


def subscriptions_of(
    connection: Connection, subscriber_ids: Sequence[UUID]
) -> Sequence[SubscriptionInfo]:
    """Return the subscriptions of these subscribers."""
    query = (
        select(*_columns(Subscription, SubscriptionInfo))
        .where(Subscription.subscriber_id.in_(subscriber_ids))
        .order_by(Subscription.subscriber_id, Subscription.requested_at)
    )
    return [
        SubscriptionInfo(**{**row, "status": Status(row["status"])})
        for row in connection.execute(query).mappings()
    ]


def history(connection: Connection, subscriber_id: UUID, *, limit: int) -> History:
    """Return one person's subscriptions and the newest `limit` consent events and emails."""
    consents = (
        select(*_columns(ConsentEvent, ConsentInfo))
        .where(ConsentEvent.subscriber_id == subscriber_id)
        .order_by(ConsentEvent.at.desc(), ConsentEvent.id.desc())
        .limit(limit)
    )
    messages = (
        select(*_columns(OutboxMessage, MessageInfo))
        .where(OutboxMessage.subscriber_id == subscriber_id)
        .order_by(OutboxMessage.created_at.desc(), OutboxMessage.id.desc())
        .limit(limit)
    )
    return History(
        subscriptions=subscriptions_of(connection, [subscriber_id]),
        consents=[ConsentInfo(**row) for row in connection.execute(consents).mappings()][::-1],
        messages=[MessageInfo(**row) for row in connection.execute(messages).mappings()][::-1],
    )


Place = tuple[datetime, UUID]
"""Time and id of one person's row, in the order in which they are read."""


def consents_after(
    connection: Connection, subscriber_id: UUID, after: Place | None, *, limit: int
) -> tuple[Sequence[ConsentInfo], Place | None]:
    """Return the person's next consent events, and the place of the last of them."""
    return _after(
        connection, ConsentEvent, ConsentInfo, ConsentEvent.at, subscriber_id, after, limit
    )


def messages_after(
    connection: Connection, subscriber_id: UUID, after: Place | None, *, limit: int
) -> tuple[Sequence[MessageInfo], Place | None]:
    """Return the next emails to the person, and the place of the last of them."""
    return _after(
        connection,
        OutboxMessage,
        MessageInfo,
        OutboxMessage.created_at,
        subscriber_id,
        after,
        limit,
    )


def _after(
    connection: Connection,
    table: Any,
    info: Any,
    at: Any,
    subscriber_id: UUID,
    after: Place | None,
    limit: int,
) -> tuple[Sequence[Any], Place | None]:
    query = (
        select(*_columns(table, info), at.label("place_at"), table.id.label("place_id"))
        .where(table.subscriber_id == subscriber_id)
        .order_by(at, table.id)
        .limit(limit)
    )
    if after is not None:
        # The first condition is where the index is entered.
        is_later = or_(at > after[0], table.id > after[1])
        query = query.where(at >= after[0], is_later)
    rows = connection.execute(query).mappings().all()
    found = [info(**{name: row[name] for name in info.__dataclass_fields__}) for row in rows]
    return found, ((rows[-1]["place_at"], rows[-1]["place_id"]) if rows else None)


def update_subscriber(
    connection: Connection, subscriber_id: UUID, changes: Mapping[str, Any], *, at: datetime
) -> None:
    """Change columns of one subscriber by name."""
    connection.execute(
        update(Subscriber).where(Subscriber.id == subscriber_id).values(updated_at=at, **changes)
    )
