"""The outbox as signups and pages see it. `claims.py` holds the worker's side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, exists, func, select

from service.domain.delivery.feedback import EventKind
from service.domain.delivery.retry import MessageStatus
from service.domain.subscription import (
    MAILS_A_DAY,
    REPEAT_AFTER,
    SOON,
    WITHHELD_A_DAY,
    LinkScope,
    MessageKind,
    Status,
    SubscriptionRef,
)
from service.store.tables.delivery import OutboxMessage, RecordedEvent
from service.store.tables.people import Subscriber, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageState:
    """A message's state, without what it says."""

    status: MessageStatus
    created_at: datetime
    has_bounced: bool
    """Whether a provider reported that the address takes no email."""
    email: str


def refs_json(scope: LinkScope) -> list[list[Any]]:
    """Write refs as the column keeps them."""
    return [[str(ref.mailing_list_id), ref.epoch] for ref in scope.refs]


def scope_of(subscriber_id: UUID, refs: Sequence[Sequence[Any]]) -> LinkScope:
    """Read the column back."""
    return LinkScope(
        subscriber_id, tuple(SubscriptionRef(UUID(list_id), epoch) for list_id, epoch in refs)
    )


_FIND = (
    select(
        OutboxMessage.status,
        OutboxMessage.created_at,
        Subscriber.email,
        exists()
        .where(
            RecordedEvent.message_id == OutboxMessage.id,
            RecordedEvent.kind == EventKind.HARD_BOUNCE.value,
        )
        .label("has_bounced"),
    )
    .join(Subscriber, Subscriber.id == OutboxMessage.subscriber_id)
    .where(OutboxMessage.id == bindparam("message_id"))
)
# Built once, like the next one: a visitor's page asks both again and again.
_OLDEST_DUE = select(
    *(
        select(func.coalesce(OutboxMessage.retried_at, OutboxMessage.created_at))
        .where(
            OutboxMessage.status == MessageStatus.QUEUED.value, OutboxMessage.is_alone.is_(alone)
        )
        .order_by(OutboxMessage.next_attempt_at)
        .limit(1)
        .scalar_subquery()
        .label(name)
        for name, alone in (("together", False), ("alone", True))
    )
)


def find(connection: Connection, message_id: UUID) -> MessageState | None:
    """Return the message's state."""
    row = connection.execute(_FIND, {"message_id": message_id}).first()
    if row is None:
        return None
    return MessageState(
        status=MessageStatus(row.status),
        created_at=row.created_at,
        has_bounced=bool(row.has_bounced),
        email=row.email,
    )


def has_any_failed(
    connection: Connection, *, error: str, providers: Sequence[str], since: datetime
) -> bool:
    """Tell whether any message was given up for this reason by one of these providers."""
    given_up = exists().where(
        OutboxMessage.status == MessageStatus.FAILED.value,
        OutboxMessage.last_error == error,
        OutboxMessage.provider.in_(providers),
        OutboxMessage.settled_at > since,
    )
    return bool(connection.scalar(select(given_up)))


def oldest_due_at(connection: Connection) -> datetime | None:
    """Return since when the longest waiting message has been queued."""
    oldest = connection.execute(_OLDEST_DUE).one()
    return min((at for at in oldest if at is not None), default=None)


def insert_renewal(
    connection: Connection, *, message_id: UUID, scope: LinkScope, locale: str | None, at: datetime
) -> None:
    """Queue an email with a new link for what is still pending of the expired one's subscriptions.

    As at signup the message is withheld where the address had the day's emails, or the same
    email a short while ago; what an import will send later counts as neither. Nothing is written
    where nothing is pending any more, or enough was withheld today.
    """
    person = connection.scalar(
        select(Subscriber.id).where(Subscriber.id == scope.subscriber_id).with_for_update()
    )
    pending = {
        (row.mailing_list_id, row.epoch)
        for row in connection.execute(
            select(Subscription.mailing_list_id, Subscription.epoch).where(
                Subscription.subscriber_id == scope.subscriber_id,
                Subscription.status == Status.PENDING.value,
            )
        )
    }
    refs = tuple(ref for ref in scope.refs if (ref.mailing_list_id, ref.epoch) in pending)
    if person is None or not refs:
        return
    wanted = refs_json(LinkScope(scope.subscriber_id, refs))
    recent = connection.execute(
        select(OutboxMessage.refs, OutboxMessage.kind, OutboxMessage.created_at).where(
            OutboxMessage.subscriber_id == scope.subscriber_id,
            OutboxMessage.created_at > at - timedelta(days=1),
            OutboxMessage.created_at <= at + SOON,
            OutboxMessage.status != MessageStatus.WITHHELD.value,
        )
    ).all()
    is_repeat = any(
        row.refs == wanted
        and row.kind == MessageKind.CONFIRM
        and row.created_at > at - REPEAT_AFTER
        for row in recent
    )
    is_queued = len(recent) < MAILS_A_DAY and not is_repeat
    if not is_queued and _has_enough_withheld(connection, scope.subscriber_id, at=at):
        return
    status = MessageStatus.QUEUED if is_queued else MessageStatus.WITHHELD
    connection.execute(
        OutboxMessage.__table__.insert().values(
            id=message_id,
            subscriber_id=scope.subscriber_id,
            kind=MessageKind.CONFIRM.value,
            refs=wanted,
            locale=locale,
            status=status.value,
            created_at=at,
            next_attempt_at=at,
        )
    )


def _has_enough_withheld(connection: Connection, subscriber_id: UUID, *, at: datetime) -> bool:
    withheld = select(OutboxMessage.id).where(
        OutboxMessage.subscriber_id == subscriber_id,
        OutboxMessage.created_at > at - timedelta(days=1),
        OutboxMessage.created_at <= at + SOON,
        OutboxMessage.status == MessageStatus.WITHHELD.value,
    )
    return len(connection.execute(withheld.limit(WITHHELD_A_DAY)).all()) == WITHHELD_A_DAY
