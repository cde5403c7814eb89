"""What providers reported: each event once, matched to its message at once or a little later."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import aliased

from service.domain.delivery.feedback import EventKind, ProviderEvent
from service.domain.subscription import LinkScope, Status
from service.store.bulk import rows_of, rows_parameter
from service.store.delivery.outbox import scope_of
from service.store.old_rows import OldRows
from service.store.plans import read_by_index, there_is_none
from service.store.sql import run, sql
from service.store.tables.delivery import OutboxMessage, RecordedEvent
from service.store.tables.people import Subscriber, Subscription

_INSERT = sql(
    """
INSERT INTO provider_events
    (provider, event_id, kind, at, received_at, message_id, provider_message_id, detail)
SELECT provider, event_id, kind, at, received_at, message_id, provider_message_id, detail
FROM ({rows}) AS given WHERE true ORDER BY event_id
ON CONFLICT (provider, event_id) DO NOTHING
RETURNING event_id
""",
    rows=rows_of(
        "provider:text event_id:text kind:text at:time received_at:time message_id:uuid "
        "provider_message_id:text detail:text"
    ),
)
_MAX_WAITING = 100

EVENTS = OldRows(RecordedEvent, RecordedEvent.received_at)
WAITING_EVENTS = OldRows(
    RecordedEvent, RecordedEvent.received_at, RecordedEvent.message_id.is_(None)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message that an event may speak of."""

    id: UUID
    scope: LinkScope
    email_key: str
    provider: str | None
    provider_message_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedEvent:
    """An event and the message it speaks of."""

    provider: str
    event_id: str
    kind: EventKind
    at: datetime
    message: SentMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSubscription:
    """A subscription that has not ended, in its present cycle."""

    subscriber_id: UUID
    mailing_list_id: UUID
    epoch: int
    requested_at: datetime


_MESSAGE = (
    OutboxMessage.id,
    OutboxMessage.subscriber_id,
    OutboxMessage.refs,
    OutboxMessage.provider,
    OutboxMessage.provider_message_id,
    Subscriber.email_key,
)


def _message(row: RowMapping) -> SentMessage:
    return SentMessage(
        id=row["id"],
        scope=scope_of(row["subscriber_id"], row["refs"]),
        email_key=row["email_key"],
        provider=row["provider"],
        provider_message_id=row["provider_message_id"],
    )


def messages_of(
    connection: Connection, *, provider: str, events: Sequence[ProviderEvent]
) -> Sequence[SentMessage]:
    """Return the messages that these events may speak of, by our name or by the provider's."""
    ours = {event.message_id for event in events if event.message_id is not None}
    theirs = {
        event.provider_message_id
        for event in events
        if event.message_id is None and event.provider_message_id is not None
    }
    query = select(*_MESSAGE).join(Subscriber, Subscriber.id == OutboxMessage.subscriber_id)
    found: list[SentMessage] = []
    if ours:
        rows = connection.execute(query.where(OutboxMessage.id.in_(ours))).mappings()
        found += map(_message, rows)
    if theirs:
        rows = connection.execute(
            query.where(
                OutboxMessage.provider == provider,
                OutboxMessage.provider_message_id.in_(theirs),
            )
        ).mappings()
        found += map(_message, rows)
    return found


def record(
    connection: Connection,
    *,
    provider: str,
    events: Iterable[tuple[ProviderEvent, UUID | None]],
    received_at: datetime,
) -> set[str]:
    """Keep the events, each with its message's id or None to let it wait; return what is new.

    An event that another transaction is about to keep is waited for, in one order for all.
    """
    rows = [
        {
            "provider": provider,
            "event_id": event.event_id,
            "kind": event.kind,
            "at": event.at,
            "received_at": received_at,
            "message_id": message_id,
            "provider_message_id": event.provider_message_id,
            "detail": event.detail,
        }
        for event, message_id in events
    ]
    if not rows:
        return set()
    found = run(connection, _INSERT, rows=rows_parameter(rows))
    return {row.event_id for row in found}


def has_matching(connection: Connection) -> bool:
    """Tell whether `take_waiting` would find anything."""
    read_by_index(connection)
    return connection.execute(_waiting().limit(1)).first() is not None


def _waiting() -> Select[Any]:
    """Return the query of waiting events, oldest first, each with the one message of its name."""
    same = aliased(OutboxMessage)
    return (
        select(
            RecordedEvent.provider.label("event_provider"),
            RecordedEvent.event_id,
            RecordedEvent.kind,
            RecordedEvent.at,
            *_MESSAGE,
        )
        .join(
            OutboxMessage,
            (OutboxMessage.provider == RecordedEvent.provider)
            & (OutboxMessage.provider_message_id == RecordedEvent.provider_message_id),
        )
        .join(Subscriber, Subscriber.id == OutboxMessage.subscriber_id)
        .where(
            RecordedEvent.message_id.is_(None),
            there_is_none(
                same.provider == RecordedEvent.provider,
                same.provider_message_id == RecordedEvent.provider_message_id,
                same.id != OutboxMessage.id,
            ),
        )
        .order_by(RecordedEvent.received_at)
    )


def take_waiting(connection: Connection) -> list[MatchedEvent]:
    """Give waiting events the message that has the provider's name by now; return those.

    Other workers skip what is being given. A name that several messages share names none of them.
    """
    read_by_index(connection)
    rows = connection.execute(
        _waiting().limit(_MAX_WAITING).with_for_update(of=RecordedEvent, skip_locked=True)
    ).mappings()
    matched = [
        MatchedEvent(
            provider=row["event_provider"],
            event_id=row["event_id"],
            kind=EventKind(row["kind"]),
            at=row["at"],
            message=_message(row),
        )
        for row in rows
    ]
    if matched:
        connection.execute(
            update(RecordedEvent)
            .where(
                RecordedEvent.provider == bindparam("of_provider"),
                RecordedEvent.event_id == bindparam("of_event"),
            )
            .values(message_id=bindparam("to_message")),
            [
                {
                    "of_provider": each.provider,
                    "of_event": each.event_id,
                    "to_message": each.message.id,
                }
                for each in matched
            ],
        )
    return matched


def count_soft_bounces(
    connection: Connection, subscriber_ids: Iterable[UUID], *, since: datetime
) -> dict[UUID, int]:
    """Return how many emails to these persons bounced softly since then, persons locked.

    The lock puts reports of one address in a row: each counts what the one before it kept.
    """
    ids = set(subscriber_ids)
    connection.execute(
        select(Subscriber.id)
        .where(Subscriber.id.in_(ids))
        .order_by(Subscriber.email_key)
        .with_for_update(key_share=True)
    )
    rows = connection.execute(
        select(OutboxMessage.subscriber_id, func.count())
        .join(RecordedEvent, RecordedEvent.message_id == OutboxMessage.id)
        .where(
            OutboxMessage.subscriber_id.in_(ids),
            RecordedEvent.kind == EventKind.SOFT_BOUNCE.value,
            RecordedEvent.at >= since,
        )
        .group_by(OutboxMessage.subscriber_id)
    )
    return {row[0]: row[1] for row in rows}


def not_understood(connection: Connection) -> dict[str, int]:
    """Return how many events are kept that were not understood, by provider."""
    rows = connection.execute(
        select(RecordedEvent.provider, func.count())
        # Written out, so that SQLite sees that its index holds exactly these.
        .where(RecordedEvent.kind == literal_column(f"'{EventKind.NOT_UNDERSTOOD.value}'"))
        .group_by(RecordedEvent.provider)
        .order_by(RecordedEvent.provider)
    )
    return {row[0]: row[1] for row in rows}


def open_subscriptions(
    connection: Connection, subscriber_ids: Iterable[UUID]
) -> list[OpenSubscription]:
    """Return what these persons are subscribed to, confirmed or not."""
    rows = connection.execute(
        select(
            Subscription.subscriber_id,
            Subscription.mailing_list_id,
            Subscription.epoch,
            Subscription.requested_at,
        ).where(
            Subscription.subscriber_id.in_(set(subscriber_ids)),
            Subscription.status != Status.UNSUBSCRIBED.value,
        )
    ).mappings()
    return [OpenSubscription(**row) for row in rows]
