"""The seam to mail APIs: what is handed over, what comes back, and the three kinds of failure.

An adapter takes a batch of composed emails, prepares one call, makes it, and says of each message
the result. It never retries and never decides: `domain.delivery.decide` does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from service.domain.address import ENCODED_WORD
from service.domain.delivery.redaction import redacted, usable_name
from service.domain.delivery.retry import SendOutcome
from service.domain.delivery.sender import Sender
from service.mail.pace import Pace

ADDRESS_UNSUPPORTED = "address_unsupported"
"""The error of an email whose address the API cannot carry at all; another may."""
NOT_SENDABLE = "not_sendable"
"""The error of an email that its adapter could not prepare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One composed email to one address. The recipient is bare, its domain in ASCII."""

    message_id: UUID
    """The outbox message's id: the service's own name for the email, the same on every retry."""
    sender: Sender
    recipient: str
    subject: str
    """Plain text, as is the rest: an adapter encodes it and never has it parsed."""
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers, such as `List-Id` (RFC 2919) and `List-Unsubscribe` (RFC 2369, RFC 8058), in
    the form that goes over the wire: one line of ASCII each."""
    tag: str = ""
    """A category for the provider's statistics: the kind of the message."""
    created_at: datetime | None = None
    """When the email was promised: the `Date` where we write the message ourselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """The result of one message in one attempt.

    Whatever an adapter read out of an answer is made safe here, once for all of them.
    """

    message_id: UUID
    outcome: SendOutcome
    provider_message_id: str | None = None
    """The provider's name for the message; events refer to it."""
    error: str | None = None
    """A short machine-readable code, without address or body. None when accepted."""
    refuses_sender: bool = False
    """With `SendOutcome.MISCONFIGURED`: whether only this sender is not taken. Otherwise it is the
    account, and no email of any sender is.
    """
    retry_after: timedelta | None = None

    def __post_init__(self) -> None:
        """Bound the provider's texts, and mask addresses in the error."""
        object.__setattr__(self, "provider_message_id", usable_name(self.provider_message_id))
        if self.error is not None:
            object.__setattr__(self, "error", redacted(self.error))

    @property
    def refuses_account(self) -> bool:
        """Whether the provider takes no email from our account, of any sender."""
        return self.outcome is SendOutcome.MISCONFIGURED and not self.refuses_sender


class ProviderError(Exception):
    """A whole call failed. `code` is short and holds no address, whatever the provider wrote."""

    outcome: SendOutcome

    def __init__(self, code: str, *, retry_after: timedelta | None = None) -> None:
        """Keep the code and how long the provider asks to be left alone."""
        self.code = redacted(code)
        super().__init__(self.code)
        self.retry_after = retry_after


class TemporaryError(ProviderError):
    """Not accepted now; the same call may succeed later (429, 5xx, no connection)."""

    outcome = SendOutcome.TEMPORARY


class RejectedError(ProviderError):
    """Not accepted, for good: these messages will never be taken.

    Raised for a call with several emails it says only that the call as a whole was refused, perhaps
    for one of them: each has to be tried by itself before it is given up.
    """

    outcome = SendOutcome.REJECTED


class MisconfiguredError(ProviderError):
    """Our side is set up wrongly (key, sender, domain): no message is to blame, none is counted."""

    outcome = SendOutcome.MISCONFIGURED


class SenderRefusedError(MisconfiguredError):
    """The sender may not be used with this account. Emails of another sender may go."""


class OutcomeUnknownError(ProviderError):
    """The request went out whole and no whole answer came back: taken or not, nobody knows."""

    outcome = SendOutcome.UNKNOWN


PreparedCall = Callable[[], Sequence[SendResult]]
"""Makes one call and returns a result for each of its emails, in order. Raises `ProviderError`
where the call failed as a whole."""


class Provider(Protocol):
    """A mail API. Safe to call from several threads."""

    name: str
    """Lower-case name, as in `MAIL_URL` and in `/v1/events/<provider>`."""
    batch_size: int
    """How many emails one call may carry."""
    key_life: timedelta
    """How long the API does not carry out a second call under the same key, so that a retry cannot
    mail twice. Zero where it takes no key.
    """
    pace: Pace
    """How fast it may be called. The provider tells it what answers ask for; who calls keeps it."""

    def reaches(self, address: str) -> bool:
        """Tell whether the API can carry an email to this address, as far as is known."""

    def prepare(self, mails: Sequence[Mail], *, key: str) -> PreparedCall:
        """Return the one call that hands over 1 to `batch_size` emails. Nothing leaves yet.

        `key` is the same for every retry of the same batch. Raises `RejectedError` for emails that
        cannot go in one call. Any other error is the emails' fault too: each that cannot be
        prepared alone is given up, and no other is.
        """

    def close(self) -> None:
        """Let connections go."""


def reaches(provider: Provider, address: str) -> bool:
    """Tell whether an email to this address may be handed to the provider: it carries such
    addresses, and does not read a part of this one as an encoded word (RFC 2047).
    """
    return ENCODED_WORD not in address and provider.reaches(address)


def is_plain(address: str) -> bool:
    """Tell whether every provider carries email to such an address."""
    return address.isascii() and ENCODED_WORD not in address
