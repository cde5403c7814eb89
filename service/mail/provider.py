"""The seam to mail APIs: what is handed over, what comes back, and the three kinds of failure.

An adapter takes a batch of composed mails, makes one call, and says of each message what became of
it. It never retries and never decides: `domain.delivery.decide` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from service.domain.delivery import Outcome
from service.domain.redaction import redacted, usable_name
from service.mail.pace import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One composed mail to one address. `sender` may have a display name, `recipient` is bare."""

    message_id: UUID
    """The outbox message's id: the service's own name for the mail, the same on every retry."""
    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers, such as `List-Id` (RFC 2919) and `List-Unsubscribe` (RFC 2369, RFC 8058)."""
    tag: str = ""
    """A category for the provider's statistics: the kind of the message."""
    created_at: datetime | None = None
    """When the mail came to be owed: the `Date` where we write the message ourselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one message in one attempt.

    Whatever an adapter read out of an answer is made safe here, once for all of them.
    """

    message_id: UUID
    outcome: Outcome
    provider_message_id: str | None = None
    """The provider's name for the message; events refer to it."""
    error: str | None = None
    """A short machine-readable code, without address or body. None when accepted."""
    retry_after: timedelta | None = None

    def __post_init__(self) -> None:
        """Bound the provider's texts, and mask addresses in the error."""
        object.__setattr__(self, "provider_message_id", usable_name(self.provider_message_id))
        if self.error is not None:
            object.__setattr__(self, "error", redacted(self.error))


class ProviderError(Exception):
    """A whole call failed. `code` is short and holds no address, whatever the provider wrote."""

    outcome: Outcome

    def __init__(self, code: str, *, retry_after: timedelta | None = None) -> None:
        """Keep the code and how long the provider asks to be left alone."""
        self.code = redacted(code)
        super().__init__(self.code)
        self.retry_after = retry_after


class TemporaryError(ProviderError):
    """Not accepted now; the same call may succeed later (429, 5xx, no connection)."""

    outcome = Outcome.TEMPORARY


class RejectedError(ProviderError):
    """Not accepted, for good: these messages will never be taken.

    Raised for a call with several mails it says only that the call as a whole was refused, perhaps
    for one of them: each has to be tried by itself before it is given up.
    """

    outcome = Outcome.REJECTED


class MisconfiguredError(ProviderError):
    """Our side is set up wrongly (key, sender, domain): no message is to blame, none is counted."""

    outcome = Outcome.MISCONFIGURED


class OutcomeUnknownError(ProviderError):
    """The request went out whole and no whole answer came back: taken or not, nobody knows."""

    outcome = Outcome.UNKNOWN


class Provider(Protocol):
    """A mail API. Safe to call from several threads."""

    name: str
    """Lower-case name, as in `MAIL_URL` and in `/v1/events/<provider>`."""
    batch_size: int
    """Most mails that one call may carry."""
    key_life: timedelta
    """How long the API does not carry out a second call under the same key, so that a retry cannot
    mail twice. Zero where it takes no key.
    """
    pace: Pace
    """How fast it may be called. The provider tells it what answers ask for; who calls keeps it."""

    def send(self, mails: Sequence[Mail], *, key: str) -> Sequence[Receipt]:
        """Hand over 1 to `batch_size` mails in one call and return one receipt for each, in order.

        `key` is the same for every retry of the same batch. Raises `ProviderError` where the whole
        call failed.
        """

    def close(self) -> None:
        """Let connections go."""
