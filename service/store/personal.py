"""What else is kept of one person, beside their own rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, exists, or_, select

from service.store.intake_models import HeldSignup
from service.store.models import OutboxMessage, RecordedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldInfo:
    """A signup of the address that waits for review."""

    id: UUID
    email: str
    name: str | None
    locale: str | None
    attributes: dict[str, Any] | None
    source: str | None
    ip: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInfo:
    """What a provider reported of a mail to the person."""

    provider: str
    kind: str
    at: datetime
    received_at: datetime
    message_id: UUID | None
    detail: str | None


def _of_person(subscriber_id: UUID) -> ColumnElement[bool]:
    """Reports of the person's mails, also those not yet matched to one."""
    return exists().where(
        OutboxMessage.subscriber_id == subscriber_id,
        or_(
            RecordedEvent.message_id == OutboxMessage.id,
            (RecordedEvent.provider == OutboxMessage.provider)
            & (RecordedEvent.provider_message_id == OutboxMessage.provider_message_id),
        ),
    )


def held_of(connection: Connection, email_key: str) -> Sequence[HeldInfo]:
    """Return the address's signups that wait for review, oldest first."""
    query = (
        select(*(HeldSignup.__table__.c[name] for name in HeldInfo.__dataclass_fields__))
        .where(HeldSignup.email_key == email_key)
        .order_by(HeldSignup.id)
    )
    return [HeldInfo(**row) for row in connection.execute(query).mappings()]


def events_of(connection: Connection, subscriber_id: UUID) -> Sequence[EventInfo]:
    """Return what providers reported of the person's mails, oldest first."""
    query = (
        select(*(RecordedEvent.__table__.c[name] for name in EventInfo.__dataclass_fields__))
        .where(_of_person(subscriber_id))
        .order_by(RecordedEvent.received_at)
    )
    return [EventInfo(**row) for row in connection.execute(query).mappings()]


def forget_events(connection: Connection, subscriber_id: UUID) -> None:
    """Remove the reports, which may quote the address; the person's mails must still be there."""
    connection.execute(delete(RecordedEvent).where(_of_person(subscriber_id)))
