"""Erasure of one person, as an administrator, the person, or retention asks for it."""

from datetime import datetime

from sqlalchemy import Connection

from service.domain.person import SubscriberInfo
from service.domain.subscription import SuppressionReason
from service.domain.webhooks.event import EventType
from service.store.people import personal, suppressions
from service.store.people.erasure import erase_subscriber
from service.store.people.suppressions import NewSuppression
from service.store.plans import read_by_index
from service.store.signup.held import delete_held_of
from service.store.webhooks import receivers
from service.store.webhooks.receivers import Change


def erase_person(
    connection: Connection, info: SubscriberInfo, *, address_hash: str | None, at: datetime
) -> None:
    """Erase a person, whose row the caller has locked; the caller commits.

    What stays is a ledger without personal data and, where given, the keyed hash of the address, so
    that no import and no issue reaches it again.
    """
    read_by_index(connection)
    receivers.enqueue(connection, EventType.ERASED, [Change(subscriber_id=info.id, at=at)])
    delete_held_of(connection, info.email_key)
    personal.forget_events(connection, info.id)
    erase_subscriber(connection, info.id, at=at)
    # Last: a confirmation at the same moment holds the subscription when it looks here.
    if address_hash is not None:
        suppressions.suppress(
            connection,
            [
                NewSuppression(
                    address_hash=address_hash,
                    email_key=None,
                    reason=SuppressionReason.ERASED,
                    note=None,
                    at=at,
                )
            ],
        )
        suppressions.forget_address(connection, address_hash=address_hash)
