"""What the pages of links ask: how subscriptions stand, and how far a signup's email has come."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine

from service.domain.delivery.feedback import EventKind
from service.domain.delivery.retry import MessageStatus
from service.domain.subscription import LinkScope, Status
from service.store.delivery.outbox import MessageState
from service.store.links.acts import Pair, State
from service.store.look import Look
from service.store.sql import Sql, sql

_OF_PERSON = Look(
    sql(
        """
SELECT mailing_list_id, status, epoch, confirmed_at FROM subscriptions
WHERE subscriber_id = :subscriber_id
"""
    )
)
_OLDEST = """(SELECT coalesce(retried_at, created_at) FROM outbox_messages
    WHERE status = 'queued' AND is_alone IS {alone} ORDER BY next_attempt_at LIMIT 1)"""
# One statement, whatever became of the signup: all are the same work.
_PROGRESS = Look(
    sql(
        """
SELECT message.status, message.created_at, person.email,
    CASE WHEN EXISTS (SELECT 1 FROM provider_events AS event
        WHERE event.message_id = message.id AND event.kind = '{bounce}') THEN 1 ELSE 0 END,
    (SELECT held.email FROM held_signups AS held WHERE held.id = :message_id),
    {together}, {alone}
FROM (SELECT 1 AS one) AS always
LEFT JOIN outbox_messages AS message ON message.id = :message_id
LEFT JOIN subscribers AS person ON person.id = message.subscriber_id
""",
        bounce=EventKind.HARD_BOUNCE.value,
        together=sql(_OLDEST, alone=Sql(postgresql="FALSE", sqlite="0")),
        alone=sql(_OLDEST, alone=Sql(postgresql="TRUE", sqlite="1")),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a signup has come."""

    message: MessageState | None
    """Its email; None where it was not taken."""
    email: str | None
    """The address; None where neither an email nor a held signup is there."""
    oldest_due: datetime | None
    """Since when the longest waiting email of all has been queued."""


def progress_of(engine: Engine, message_id: UUID) -> Progress:
    """Return how far the signup of this id has come."""
    ((status, created_at, email, has_bounced, held_email, *oldest),) = _PROGRESS(
        engine, message_id=message_id
    )
    message = None
    if status is not None and created_at is not None and email is not None:
        message = MessageState(
            status=MessageStatus(status),
            created_at=datetime.fromisoformat(created_at),
            has_bounced=has_bounced == "1",
            email=email,
        )
    return Progress(
        message=message,
        email=held_email if message is None else message.email,
        oldest_due=min((datetime.fromisoformat(at) for at in oldest if at), default=None),
    )


def states_of(engine: Engine, scope: LinkScope) -> dict[Pair, State]:
    """Return the subscriptions that the link is about, as far as they exist."""
    rows = _OF_PERSON(engine, subscriber_id=scope.subscriber_id)
    known = {UUID(list_id): row for list_id, *row in rows if list_id is not None}
    return {
        (scope.subscriber_id, list_id): State(
            status=Status(str(status)),
            epoch=int(epoch or 0),
            was_confirmed=confirmed_at is not None,
        )
        for list_id in scope.list_ids
        if list_id in known
        for status, epoch, confirmed_at in [known[list_id]]
    }
