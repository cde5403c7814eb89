"""What use cases tell the outside: plain values, ready to show."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.domain.lists.mailing_list import ListInfo


class LinkState(StrEnum):
    """What a confirm or unsubscribe link would do, or has done."""

    OPEN = "open"
    """The link can act: the subscription is still to be confirmed, or still to be left."""
    DONE = "done"
    """It has acted already, or just now."""
    ENDED = "ended"
    """The subscription has ended or started again since: the link has no effect."""


class MailProgress(StrEnum):
    """The state of a request's own email, as its page shows it."""

    SENT = "sent"
    DELAYED = "delayed"
    BOUNCED = "bounced"
    UNREACHABLE = "unreachable"
    """No configured mail API carries email to such an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """A link as its page shows it."""

    state: LinkState
    lists: tuple[ListInfo, ...]
    undo_token: str | None = None
    """After leaving: takes it back within the hour. None where nothing can be taken back."""
    receipt_token: str | None = None
    """Leads to the signed proof of what was agreed to, where there is anything to prove."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """The page after signup."""

    progress: MailProgress
    requested_at: datetime
    is_confirmed: bool = False
    """Only ever True in the answer to the right code."""
