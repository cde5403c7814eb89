"""How long a mail API asks to be left alone: `Retry-After`, or else its rate headers."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from service.clock import utc_now

LONGEST_PAUSE = timedelta(hours=1)
MAX_REST = timedelta(minutes=1)
"""The longest rest after a good answer: a quota of hours or days is found out by a call."""
REMAINING_HEADERS = ("RateLimit-Remaining", "X-RateLimit-Remaining", "x-sib-ratelimit-remaining")
RESET_HEADERS = ("RateLimit-Reset", "X-RateLimit-Reset", "x-sib-ratelimit-reset")
"""The IETF draft and Resend (seconds); SendGrid and Mailgun (a time); Brevo (seconds)."""

_EPOCH_FROM = 10**9
"""From here on a number is a time since 1970, not a duration."""
_MILLISECONDS_FROM = 10**12


def pause_asked_for(status: int, headers: Mapping[str, str]) -> timedelta | None:
    """Return the pause that an answer asks for, 0 to `LONGEST_PAUSE`, or None.

    The rate headers speak for a 429 alone: elsewhere they stand on ordinary answers, too, and tell
    when a quota begins again that is far from used up.

    `Retry-After` is read as seconds or as an HTTP date (RFC 9110, section 10.2.3), the latter
    against the answer's own `Date`, so that a wrong clock on either side does no harm.
    """
    if (text := headers.get("Retry-After")) is not None:
        pause = _seconds(text, headers)
        if pause is None and (at := _http_date(text)) is not None:
            pause = at - _their_now(headers)
        if pause is not None:
            return _within(pause)
    return _until_reset(headers) if status == 429 else None


def rest_asked_for(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long an answer's quota is used up for, 0 to `MAX_REST`, or None: it is not."""
    if not any(headers.get(name, "").strip() == "0" for name in REMAINING_HEADERS):
        return None
    rest = _until_reset(headers)
    return None if rest is None else min(rest, MAX_REST)


def _until_reset(headers: Mapping[str, str]) -> timedelta | None:
    for name in RESET_HEADERS:
        if (text := headers.get(name)) and (pause := _seconds(text, headers)) is not None:
            return _within(pause)
    return None


def _seconds(text: str, headers: Mapping[str, str]) -> timedelta | None:
    try:
        number = float(text)
        if number >= _EPOCH_FROM:
            number /= 1000 if number >= _MILLISECONDS_FROM else 1
            return datetime.fromtimestamp(number, UTC) - _their_now(headers)
        return timedelta(seconds=number)
    except (ValueError, OverflowError, OSError):
        return None


def _their_now(headers: Mapping[str, str]) -> datetime:
    return _http_date(headers.get("Date", "")) or utc_now()


def _http_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _within(pause: timedelta) -> timedelta:
    return min(max(pause, timedelta(0)), LONGEST_PAUSE)
