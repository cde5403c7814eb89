"""What a subscription is, and the rules of double opt-in that hold on every database.

`pending` → `confirmed` → `unsubscribed`. A signup after that begins a new cycle: `pending` again,
with the next epoch. A link carries the epoch it was made in, so that one from an earlier cycle
cannot act on a later one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

MAILS_A_DAY = 3
"""Mails that signups may cause to one address within 24 hours, over all lists."""

REPEAT_AFTER = timedelta(minutes=10)
"""A signup for what is pending already mails its link again after this time, not before."""

WITHHELD_A_DAY = 20
"""Withheld emails of one address that are kept within 24 hours. The status page of a further signup
looks as theirs do; only the code of another email cannot be typed on it.
"""

HELD_OF_ADDRESS = 5
"""Signups of one address that wait for review; what comes after them is not kept."""

UNDOS = 5
"""How often leaving a list can be undone in one cycle of a subscription."""

REASONS = 3
"""Reasons for leaving that are kept in one cycle of a subscription."""

SOON = timedelta(minutes=1)
"""A mail due this soon counts as sent: what comes at once is written in any order, by machines
whose clocks differ. One that is due later, as an import's may be, does not.
"""

MAX_NAME_LENGTH = 200
"""Characters of a person's name."""

MAX_SOURCE_LENGTH = 500
"""Characters that name the form or page of a signup."""

MAX_LISTS = 20
"""Lists that one signup may name; what a link can carry without outgrowing a mail's line."""

UNDO_WITHIN = timedelta(hours=1)
"""How long the page after leaving can take the leaving back."""

CODE_TRIES = 10
"""Wrong codes that may be typed for one address while a code lives."""

CODE_LIFE_MAX = timedelta(days=15)
"""A code lives as long as its link, but no longer than this. A page takes codes for one such life
and what was typed on it counts for another: so long, at least, its signup or mail has to be kept.
"""


class Status(StrEnum):
    """State of a subscription."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class EndedReason(StrEnum):
    """Why a subscription ended."""

    UNSUBSCRIBED = "unsubscribed"
    ONE_CLICK = "one_click"
    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    PROVIDER_UNSUBSCRIBE = "provider_unsubscribe"
    ADMIN = "admin"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class SubscriptionRef:
    """One cycle of one subscription: which list, and which epoch of it."""

    mailing_list_id: UUID
    epoch: int


@dataclass(frozen=True, slots=True)
class LinkScope:
    """The subscriptions that a mail or a link speaks of: one subscriber, one or more lists."""

    subscriber_id: UUID
    refs: tuple[SubscriptionRef, ...]

    @property
    def list_ids(self) -> Iterable[UUID]:
        """The lists, in the order of the refs."""
        return (ref.mailing_list_id for ref in self.refs)


class SuppressionReason(StrEnum):
    """Why an address is not to be mailed."""

    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"
    ERASED = "erased"


def blocks(reasons: Iterable[SuppressionReason], kind: "MessageKind") -> bool:
    """Tell whether suppressions for these reasons keep a mail of this kind from being sent.

    `erased` lets one mail through: the confirmation that the person's own new signup asks for.
    Confirming lifts it.
    """
    return any(
        reason is not SuppressionReason.ERASED or kind is not MessageKind.CONFIRM
        for reason in reasons
    )


class MessageKind(StrEnum):
    """What an outbox message says."""

    CONFIRM = "confirm"
    ALREADY_SUBSCRIBED = "already_subscribed"
