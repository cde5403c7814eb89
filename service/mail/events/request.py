"""What a provider's request is to its parser, and how its secret is checked."""

import hmac
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from service.domain.delivery.feedback import ProviderEvent
from service.domain.errors import EventAuthError, EventFormatError
from service.mail.events.payload import Object

CLOCK_SKEW = timedelta(minutes=5)
SECRET_HEADER = "x-webhook-secret"  # noqa: S105 - a header's name


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRequest:
    """The request as it came. Names of `headers` are in lower case."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ParsedEvents:
    """What a request reports."""

    events: tuple[ProviderEvent, ...] = ()
    ignored: int = 0
    """How many events mean nothing to us, and are known to, such as an opened email."""
    malformed: int = 0
    """How many entries are no event at all."""


def read_each(
    items: Iterable[Object | None], read: Callable[[Object], ProviderEvent | None]
) -> ParsedEvents:
    """Read the events of one request, each by itself: one that is malformed costs only itself.

    `read` returns None for an event that means nothing to us.
    """
    events: list[ProviderEvent] = []
    ignored = malformed = 0
    for item in items:
        try:
            event = read(item) if item is not None else None
        except EventFormatError:
            malformed += 1
            continue
        if event is not None:
            events.append(event)
        elif item is not None:
            ignored += 1
        else:
            malformed += 1
    return ParsedEvents(tuple(events), ignored=ignored, malformed=malformed)


class Parser(Protocol):
    """Reads the requests of one provider."""

    def __call__(self, request: EventRequest, secret: str) -> ParsedEvents:
        """Return the events of an authentic request.

        Raises `EventAuthError` where it is not authentic, `EventFormatError` where it is and makes
        no sense, `UnavailableError` where that cannot be decided at the moment.
        """


def is_same(given: str, wanted: str) -> bool:
    """Compare secrets in a time that does not tell how much of them agrees."""
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode(errors="replace"))


def require_secret(request: EventRequest, secret: str) -> None:
    """Let only a request through that carries the secret; raise `EventAuthError`.

    It may come as Basic credentials (RFC 7617; `user:password`, or any user with the secret as the
    password), as a bearer token (RFC 6750), or in the header `X-Webhook-Secret`: whichever the
    provider's webhook settings can hold.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    given = [request.headers.get(SECRET_HEADER, "")]
    if scheme.lower() == "bearer":
        given.append(value.strip())
    elif scheme.lower() == "basic":
        credentials = _basic(value)
        given += [credentials, credentials.partition(":")[2]]
    if not any([is_same(each, secret) for each in given]):  # noqa: C419 - each is compared
        raise EventAuthError("The secret is missing or wrong.")


def _basic(value: str) -> str:
    try:
        return b64decode(value.strip(), validate=True).decode()
    except ValueError:
        return ""


def require_fresh(stamp: str, *, now: datetime, max_age: timedelta) -> None:
    """Raise `EventAuthError` unless the Unix time in `stamp` is at most `max_age` old.

    `max_age` is as long as the provider repeats a request that was not answered, so that nothing
    is lost over an outage of ours; a replay within that time is a known event and does nothing.
    """
    try:
        age = now.timestamp() - int(stamp)
    except (ValueError, OverflowError):
        raise EventAuthError("The timestamp is not one.") from None
    if not -CLOCK_SKEW.total_seconds() <= age <= max_age.total_seconds():
        raise EventAuthError("The timestamp is too far from now.")
