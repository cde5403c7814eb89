"""What a bounce means: the provider's word for it, and the receiving server's own code.

An address is suppressed for good only where the provider says that it does not exist, and where
the receiving server does not say something milder. In doubt it is a soft bounce.

Enhanced status codes are RFC 3463's with the additions of RFC 7505 (5.1.10: the domain takes no
email at all); basic reply codes are RFC 5321's.
"""

import re
from dataclasses import dataclass
from typing import Any

from service.domain.delivery.feedback import EventKind

_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})")
_REPLY = re.compile(
    r"(?:(?<![\d.])([245])\d\d[ -]+#?|\(#|^\s*(?:smtp;\s*)?)([245]\.\d{1,3}\.\d{1,3})(?![\d.])",
    re.IGNORECASE,
)
_BASIC = re.compile(r"^\s*(?:smtp;\s*)?([245]\d\d)(?!\d)", re.IGNORECASE)
_MAX_READ = 2_000

_NO_SUCH_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
"""No such mailbox, no such domain, not an address, moved without a trace, no email at all."""
_SENDERS_FAULT = frozenset({"1.7", "1.8", "2.3", "3.4"})
"""The sender's address, or a message that is too large."""
_SENDERS_SUBJECTS = frozenset({6, 7})
"""Content, and policy: the receiver does not want this email, or this sender."""
_FULL = 552

_GRAVITY = (EventKind.BLOCKED, EventKind.SOFT_BOUNCE, EventKind.HARD_BOUNCE)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the receiving server said, as far as it is a code. Either may be missing."""

    status: str | None = None
    basic: int | None = None

    @property
    def kind(self) -> EventKind | None:
        """What the code means, or None where it says nothing about the address."""
        if self.status is not None and (kind := _kind_of_status(self.status)) is not None:
            return kind
        if self.basic is not None and (self.basic < 500 or self.basic == _FULL):
            return EventKind.SOFT_BOUNCE
        return None


def read_reply(*values: Any) -> Reply:
    """Return the codes in a provider's fields: a status, a basic code, or the server's own words.

    Where several have a status, the first that says something counts. Fields of any other type, or
    without a code, are passed over.
    """
    statuses: list[str] = []
    basics: list[int] = []
    for value in _texts(values):
        if _STATUS.fullmatch(value.strip()):
            statuses.append(value.strip())
            continue
        statuses += [status for digit, status in _REPLY.findall(value) if digit in ("", status[0])]
        if (basic := _BASIC.match(value)) is not None:
            basics.append(int(basic[1]))
    known = [status for status in statuses if _kind_of_status(status) is not None]
    return Reply(
        status=next(iter(known or statuses), None),
        basic=next(iter(basics), None),
    )


def bounce_kind(word: EventKind | None, reply: Reply) -> EventKind:
    """Return what a bounce means, by the provider's own `word` for it and the server's `reply`.

    `word` is None for a failure that the provider gives no reason for. Where the two disagree, the
    milder one holds; where neither says anything, it is a soft bounce.
    """
    known = [kind for kind in (word, reply.kind) if kind is not None]
    return min(known, key=_GRAVITY.index, default=EventKind.SOFT_BOUNCE)


def _kind_of_status(status: str) -> EventKind | None:
    class_, _, rest = status.partition(".")
    subject = int(rest.partition(".")[0])
    if rest in _SENDERS_FAULT or subject in _SENDERS_SUBJECTS:
        return EventKind.BLOCKED
    if class_ == "4":
        return EventKind.SOFT_BOUNCE
    if status in _NO_SUCH_ADDRESS:
        return EventKind.HARD_BOUNCE
    is_vague = class_ != "5" or not 1 <= subject <= 7 or rest.endswith(".0")
    return None if is_vague else EventKind.SOFT_BOUNCE


def _texts(values: tuple[Any, ...]) -> list[str]:
    found: list[str] = []
    for value in values:
        if isinstance(value, list):
            found += _texts(tuple(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            found.append(str(value))
        elif isinstance(value, str):
            found.append(value[:_MAX_READ])
    return found
