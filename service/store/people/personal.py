"""What is kept of one person in other rows than their own: held signups, providers' reports."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, delete, select

from service.domain.person import EventInfo, HeldInfo
from service.store.bulk import in_pieces
from service.store.plans import read_by_index
from service.store.tables.delivery import OutboxMessage, RecordedEvent
from service.store.tables.signup import HeldSignup

_LOOKED_UP = 100
"""Emails whose reports are looked up with one statement."""


def _reports(connection: Connection, messages: Sequence[UUID]) -> Iterator[ColumnElement[bool]]:
    """Go through conditions that together name the reports of these emails, also those not yet
    matched to one. Each is looked up in an index of its own; as one condition, with OR, it would
    read all reports of everybody.
    """
    for some in in_pieces(messages, _LOOKED_UP):
        yield RecordedEvent.message_id.in_(some)
        # By key alone: a condition on the name would let PostgreSQL read the index of all names.
        names = connection.execute(
            select(OutboxMessage.provider, OutboxMessage.provider_message_id).where(
                OutboxMessage.id.in_(some)
            )
        ).all()
        by_provider: dict[str, list[str]] = defaultdict(list)
        for provider, name in names:
            if provider is not None and name is not None:
                by_provider[provider].append(name)
        # SQLite looks up no pairs in an index.
        for provider, of_it in by_provider.items():
            yield and_(
                RecordedEvent.message_id.is_(None),
                RecordedEvent.provider == provider,
                RecordedEvent.provider_message_id.in_(of_it),
            )


def held_of(connection: Connection, email_key: str) -> Sequence[HeldInfo]:
    """Return the address's signups that wait for review, oldest first."""
    query = select(*(HeldSignup.__table__.c[name] for name in HeldInfo.__dataclass_fields__)).where(
        HeldSignup.email_key == email_key
    )
    found = [HeldInfo(**row) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda held: held.id)


def events_of(connection: Connection, messages: Sequence[UUID]) -> Sequence[EventInfo]:
    """Return what providers reported of these emails, oldest first."""
    read_by_index(connection)
    columns = [RecordedEvent.__table__.c[name] for name in EventInfo.__dataclass_fields__]
    found = [
        EventInfo(**row)
        for condition in _reports(connection, messages)
        for row in connection.execute(select(*columns).where(condition)).mappings()
    ]
    return sorted(found, key=lambda event: event.received_at)


def forget_events(connection: Connection, subscriber_id: UUID) -> None:
    """Remove the reports, which may quote the address. The person's emails must still exist."""
    messages = connection.scalars(
        select(OutboxMessage.id).where(OutboxMessage.subscriber_id == subscriber_id)
    ).all()
    for condition in _reports(connection, messages):
        connection.execute(delete(RecordedEvent).where(condition))
