"""Outgoing webhooks: which events there are, and what each tells the site's own systems.

An event is sent at least once, in no promised order, for up to three days: the rule of retries is
that of mails (`domain.delivery.decide`). A failing receiver is left alone for a growing while.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

FIRST_PAUSE = timedelta(seconds=1)
MAX_PAUSE = timedelta(minutes=5)
KEEP = timedelta(days=30)
"""How long attempts and the result of each delivery are kept."""


class EventType(StrEnum):
    """What happened."""

    CONFIRMED = "subscription.confirmed"
    UNSUBSCRIBED = "subscription.unsubscribed"
    BOUNCED = "subscriber.bounced"
    COMPLAINED = "subscriber.complained"
    ERASED = "subscriber.erased"


class DeliveryStatus(StrEnum):
    """State of one event on its way to one webhook; `withheld`: the person was erased before."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    FAILED = "failed"
    WITHHELD = "withheld"


def payload(
    type_: EventType,
    *,
    at: datetime,
    subscriber_id: UUID,
    email: str | None,
    list_slug: str | None,
    reason: str | None,
) -> dict[str, Any]:
    """Return the event as Standard Webhooks lays it out: `type`, `timestamp`, `data`.

    The address goes along where the receiver has to act on it; of an erased person only the id.
    """
    data: dict[str, Any] = {"subscriber_id": str(subscriber_id)}
    if type_ is not EventType.ERASED:
        data["email"] = email
    if list_slug is not None:
        data["list"] = list_slug
    if reason is not None:
        data["reason"] = reason
    timestamp = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"type": type_.value, "timestamp": timestamp, "data": data}


def pause_after(failures: int, *, jitter: float) -> timedelta:
    """Return how long a receiver is left alone after that many failed calls in a row.

    `jitter` is a number in [0, 1).
    """
    return min(FIRST_PAUSE * 2.0 ** min(failures, 20), MAX_PAUSE) * (0.5 + jitter / 2)
