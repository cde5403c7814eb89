"""What a mail API reports of an email afterwards, and what follows from it: one pure rule."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from service.domain.subscription import EndedReason, SuppressionReason

SOFT_BOUNCE_LIMIT = 5
SOFT_BOUNCE_PERIOD = timedelta(days=30)
"""So many soft bounces of one address within this time count as a hard one."""

UNMATCHED_FOR = timedelta(days=1)
"""How long an event waits for the message that it names: it may come before our own commit."""

KEPT_FOR = timedelta(days=90)
"""How long an event is remembered: longer than any provider repeats one, than soft bounces count,
and than a status page is looked at."""


class EventKind(StrEnum):
    """What a provider says happened to an email after it took it."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    """Not delivered yet; the provider goes on trying."""
    BLOCKED = "blocked"
    """Refused for the sender, the content or the account: it says nothing of the address."""
    SOFT_BOUNCE = "soft_bounce"
    """Given up for this email; another may get through."""
    HARD_BOUNCE = "hard_bounce"
    """The address takes no email, now or later."""
    COMPLAINT = "complaint"
    UNSUBSCRIBED = "unsubscribed"
    NOT_UNDERSTOOD = "not_understood"
    """Of a type that we do not know: it is kept and counted, and nothing follows from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEvent:
    """One event as every provider's is read."""

    event_id: str
    """The same whenever the provider repeats the event, unlike that of any other event of it."""
    kind: EventKind
    at: datetime
    message_id: UUID | None = None
    """Our own name of the email, where the provider gives back what was sent along."""
    provider_message_id: str | None = None
    recipient: str | None = None
    """Tells apart emails that share a provider's name. Only compared: never kept, never logged."""
    detail: str | None = None
    """The provider's own short code for what happened."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What follows from an event beyond its being remembered."""

    suppress: SuppressionReason | None = None
    """Why the address is not to be mailed any more."""
    end: EndedReason | None = None
    """Why subscriptions end: all of the address if it is suppressed, else those of the email."""


_NOTHING = Consequence()
_HARD_BOUNCE = Consequence(SuppressionReason.HARD_BOUNCE, EndedReason.HARD_BOUNCE)
_ALWAYS = {
    EventKind.HARD_BOUNCE: _HARD_BOUNCE,
    EventKind.COMPLAINT: Consequence(SuppressionReason.COMPLAINT, EndedReason.COMPLAINT),
    EventKind.UNSUBSCRIBED: Consequence(end=EndedReason.PROVIDER_UNSUBSCRIBE),
}


def consequence(kind: EventKind, *, soft_bounces: int) -> Consequence:
    """Return what follows from an event of this kind.

    `soft_bounces` is how many of the address fell into `SOFT_BOUNCE_PERIOD`, this one included.
    The rule looks at nothing else, so the order in which events arrive does not matter.
    """
    if kind is EventKind.SOFT_BOUNCE and soft_bounces >= SOFT_BOUNCE_LIMIT:
        return _HARD_BOUNCE
    return _ALWAYS.get(kind, _NOTHING)
