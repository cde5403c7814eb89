"""The outbox as operators see it: which emails need a person, and one more try for them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, or_, select, update

from service.domain.delivery.retry import MessageStatus
from service.domain.subscription import LinkScope, MessageKind
from service.store.delivery.outbox import scope_of
from service.store.tables.delivery import OutboxMessage
from service.store.types import first_id

DROPPED = "dropped"
"""The error of a message that an operator had withheld."""
DEPTHS = (MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.FAILED)
"""The states that no message should stay in; each has a partial index, so counting is cheap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageInfo:
    """A message as it may be shown: ids, never the address."""

    id: UUID
    kind: MessageKind
    scope: LinkScope
    status: MessageStatus
    created_at: datetime
    next_attempt_at: datetime
    attempts: int
    provider: str | None
    last_error: str | None
    settled_at: datetime | None
    retried_at: datetime | None


def page(
    connection: Connection, *, status: MessageStatus | None, limit: int, before: UUID | None
) -> list[MessageInfo]:
    """Return the newest messages, in this state if one is given, or those before `before`."""
    query = _messages().limit(limit)
    newest: ColumnElement[Any] = OutboxMessage.__table__.c.id
    if status is not None:
        query = query.where(_is(status))
        if status in DEPTHS and connection.dialect.name == "sqlite":
            # The plus keeps SQLite on the partial index of that state, instead of on the key.
            newest = literal_column("+outbox_messages.id")
    query = query.order_by(newest.desc())
    if before is not None:
        query = query.where(OutboxMessage.id < before)
    return _read(connection, query)


def get(connection: Connection, message_id: UUID) -> MessageInfo | None:
    """Return the message, or None."""
    return next(iter(_read(connection, _messages().where(OutboxMessage.id == message_id))), None)


def requeue_failed(
    connection: Connection,
    *,
    now: datetime,
    confirms_since: datetime,
    message_id: UUID | None = None,
) -> int:
    """Queue a failed message again, or all of them; return how many there were.

    It gets a fresh window of retries from `now` on and is composed as before. A confirmation from
    before `confirms_since` stays failed: its link would not work any more.
    """
    works = or_(
        OutboxMessage.kind != MessageKind.CONFIRM.value, OutboxMessage.created_at > confirms_since
    )
    statement = update(OutboxMessage).where(
        OutboxMessage.status == MessageStatus.FAILED.value, works
    )
    if message_id is not None:
        statement = statement.where(OutboxMessage.id == message_id)
    return connection.execute(
        statement.values(
            status=MessageStatus.QUEUED.value,
            next_attempt_at=now,
            retried_at=now,
            attempts=0,
            settled_at=None,
        )
    ).rowcount


def drop_queued(connection: Connection, *, created_before: datetime, now: datetime) -> int:
    """Withhold what is queued and was created before this time; return how many that were.

    What is in a call stays: the worker that made the call settles it.
    """
    statement = update(OutboxMessage).where(
        _is(MessageStatus.QUEUED), OutboxMessage.created_at < created_before
    )
    return connection.execute(
        statement.values(
            status=MessageStatus.WITHHELD.value,
            settled_at=now,
            last_error=DROPPED,
        )
    ).rowcount


def depths(connection: Connection) -> dict[MessageStatus, int]:
    """Return how many messages are in each of `DEPTHS`."""
    return {
        status: connection.scalar(
            select(func.count()).select_from(OutboxMessage).where(_is(status))
        )
        or 0
        for status in DEPTHS
    }


def _is(status: MessageStatus) -> ColumnElement[bool]:
    """Compare with a literal, so that any plan can use the partial index of that state."""
    return OutboxMessage.status == literal_column(f"'{status.value}'")


def _messages() -> Select[Any]:
    return select(
        OutboxMessage.id,
        OutboxMessage.kind,
        OutboxMessage.subscriber_id,
        OutboxMessage.refs,
        OutboxMessage.status,
        OutboxMessage.created_at,
        OutboxMessage.next_attempt_at,
        OutboxMessage.attempts,
        OutboxMessage.provider,
        OutboxMessage.last_error,
        OutboxMessage.settled_at,
        OutboxMessage.retried_at,
    )


def _read(connection: Connection, query: Select[Any]) -> list[MessageInfo]:
    return [
        MessageInfo(
            id=row.id,
            kind=MessageKind(row.kind),
            scope=scope_of(row.subscriber_id, row.refs),
            status=MessageStatus(row.status),
            created_at=row.created_at,
            next_attempt_at=row.next_attempt_at,
            attempts=row.attempts,
            provider=row.provider,
            last_error=row.last_error,
            settled_at=row.settled_at,
            retried_at=row.retried_at,
        )
        for row in connection.execute(query)
    ]


def withheld_since(connection: Connection, since: datetime) -> int:
    """Return how many messages of signups since then are withheld. Ids sort by time, so this reads
    no others.
    """
    query = select(func.count()).where(
        OutboxMessage.id >= first_id(since), _is(MessageStatus.WITHHELD)
    )
    return connection.scalar(query) or 0
