"""Erasing a person: what goes, and what the ledger keeps without naming anybody."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, insert, update

from service.domain.consent import ConsentKind
from service.store.people.subscribers import subscriptions_of
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscriber
from service.store.types import new_id

_LEDGER_KEEPS = frozenset(
    {
        "id",
        "subscriber_id",
        "mailing_list_id",
        "epoch",
        "kind",
        "at",
        "locale",
        "text_version",
        "position",
    }
)
"""Columns of the ledger that are not personal. Erasure empties all others."""


def erase_subscriber(connection: Connection, subscriber_id: UUID, *, at: datetime) -> None:
    """Delete the person with subscriptions and emails; leave a ledger that names nobody.

    The ledger keeps what happened and when, and an `erased` entry for each subscription. The caller
    suppresses the address.
    """
    table = ConsentEvent.__table__
    connection.execute(
        update(table)
        .where(table.c.subscriber_id == subscriber_id)
        .values({name: None for name in table.c.keys() if name not in _LEDGER_KEEPS})  # noqa: SIM118
    )
    events = [
        {
            "id": new_id(),
            "subscriber_id": subscriber_id,
            "mailing_list_id": held.mailing_list_id,
            "epoch": held.epoch,
            "kind": ConsentKind.ERASED.value,
            "at": at,
        }
        for held in subscriptions_of(connection, [subscriber_id])
    ]
    if events:
        connection.execute(insert(ConsentEvent), events)
    connection.execute(delete(Subscriber).where(Subscriber.id == subscriber_id))
