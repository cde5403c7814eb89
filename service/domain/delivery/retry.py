"""The next state of an outbox message after a call to a mail API: one pure decision."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

BATCH_LEASE = timedelta(seconds=30)
"""How long a claim keeps a message from other workers."""

FIRST_DELAY = timedelta(seconds=2)
EAGER_PERIOD = timedelta(minutes=10)
EAGER_MAX_DELAY = timedelta(seconds=30)
"""In the first ten minutes a person is waiting for the email: retries are at most 30 s apart."""

MAX_DELAY = timedelta(hours=1)
MISCONFIGURED_MAX_DELAY = timedelta(minutes=5)
"""How long a message waits at most that our own settings keep back: somebody is fixing them."""
GIVE_UP_AFTER = timedelta(days=3)
"""A message that no provider takes is `failed` after this time, not before."""


class MessageStatus(StrEnum):
    """State of an outbox message; `withheld`: it is not to be sent."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    FAILED = "failed"
    WITHHELD = "withheld"


class SendOutcome(StrEnum):
    """What one attempt came to."""

    ACCEPTED = "accepted"
    TEMPORARY = "temporary"
    REJECTED = "rejected"
    MISCONFIGURED = "misconfigured"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Decision:
    """The message's next status; `next_attempt_at` only with `queued`."""

    status: MessageStatus
    next_attempt_at: datetime | None = None
    spends_attempt: bool = True


def decide(
    outcome: SendOutcome,
    *,
    attempt: int,
    created_at: datetime,
    now: datetime,
    jitter: float,
    retry_after: timedelta | None = None,
) -> Decision:
    """Decide what happens to a message after its `attempt`-th attempt (counted from 1).

    `jitter` is a number in [0, 1) that spreads retries: a delay is taken between half and all of
    its exponential value. `retry_after` is the provider's own wish; up to an hour
    it is never undercut. A message that our settings keep back spends no attempt; its delay grows
    with the time that it has waited.
    """
    if outcome is SendOutcome.ACCEPTED:
        return Decision(MessageStatus.ACCEPTED)
    if outcome is SendOutcome.REJECTED:
        return Decision(MessageStatus.FAILED)
    age = now - created_at
    spends = outcome is not SendOutcome.MISCONFIGURED
    if spends and age >= GIVE_UP_AFTER:
        return Decision(MessageStatus.FAILED)
    last = MAX_DELAY if spends else MISCONFIGURED_MAX_DELAY
    ceiling = EAGER_MAX_DELAY if age < EAGER_PERIOD else last
    growing = FIRST_DELAY * 2 ** min(attempt - 1, 20) if spends else max(FIRST_DELAY, age / 2)
    exponential = min(growing, ceiling)
    delay = exponential * (0.5 + jitter / 2)
    if retry_after is not None:
        delay = max(delay, min(retry_after, MAX_DELAY))
    return Decision(MessageStatus.QUEUED, next_attempt_at=now + delay, spends_attempt=spends)


def sender_pause(refusals: int) -> timedelta:
    """Return how long a sender is left alone that a provider has refused so many times in a row."""
    return min(FIRST_DELAY * 2.0 ** min(refusals - 1, 20), MISCONFIGURED_MAX_DELAY)
