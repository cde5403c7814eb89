"""Reading what providers send without trusting its shape: a wrong type reads as absent."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from service.domain.delivery.redaction import usable_name as name_of
from service.domain.errors import EventFormatError

__all__ = ["name_of"]

_CODE = re.compile(r"[A-Za-z0-9_.:() -]{1,64}")
_NOT_OF_A_WORD = re.compile(r"[^a-z0-9]+")
_MILLISECONDS_FROM = 10**11
_MAX_DIGITS = 30
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

Object = Mapping[str, Any]


def load_json(body: bytes | str) -> Any:
    """Return the decoded JSON; raise `EventFormatError`.

    A name that an object has twice, with different values, reads as absent: nobody can tell which
    of them is meant. So does a number that is too long to be one of ours.
    """
    try:
        return json.loads(body, object_pairs_hook=_object, parse_int=_integer)
    except (ValueError, RecursionError):
        raise EventFormatError("The body is not JSON.") from None


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        for name, value in pairs:
            if name in found and found[name] != value:
                del found[name]
    return found


def _integer(text: str) -> int | None:
    return int(text) if len(text) <= _MAX_DIGITS else None


def as_object(value: Any) -> Object:
    """Return a JSON object; raise `EventFormatError` where the value is none."""
    if not isinstance(value, dict):
        raise EventFormatError("An event is not a JSON object.")
    return value


def as_objects(value: Any) -> list[Object | None]:
    """Return the events of an array, or the one event that came without.

    An entry that is no object is None, so that it does not cost the others; where there is nothing
    but such entries, `EventFormatError` is raised.
    """
    entries = value if isinstance(value, list) else [value]
    found: list[Object | None] = [each if isinstance(each, dict) else None for each in entries]
    if found and not any(each is not None for each in found):
        raise EventFormatError("An event is not a JSON object.")
    return found


def part(value: Object, name: str) -> Object:
    """Return an object inside the object, empty where there is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def text(value: Object, name: str) -> str | None:
    """Return a text, None where there is none."""
    found = value.get(name)
    return found if isinstance(found, str) else None


def word_of(value: Any) -> str:
    """Return a word of a provider's own list: its small letters and digits, and nothing else.

    `soft_bounce`, `Soft bounce` and `softBounce` are one word, in the documentation of one provider
    even. What is no text, or not ASCII, is the empty word.
    """
    if not isinstance(value, str) or not value.isascii() or len(value) > 255:
        return ""
    return _NOT_OF_A_WORD.sub("", value.lower())


def code_of(value: Any) -> str | None:
    """Return a short code; None for whatever could be prose or hold an address."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def uuid_of(value: Any) -> UUID | None:
    """Return our own message id where it came back whole."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def time_of(value: Any, *, default: datetime) -> datetime:
    """Return a time given as ISO 8601 or as a Unix time in seconds or milliseconds.

    What is no time, has no zone, lies in the future or before there were such services reads as
    `default`, the time of receipt.
    """
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            return default
        else:
            at = datetime.fromtimestamp(
                value / 1000 if value >= _MILLISECONDS_FROM else value, tz=UTC
            )
        if at.tzinfo is None or at.astimezone(UTC) < _EARLIEST:
            return default
        return min(at.astimezone(UTC), default)
    except (ValueError, OverflowError, OSError):
        return default


def digest_of(*parts: Any) -> str:
    """Return an event's id for a provider that gives none: the same for the same parts.

    Raises `EventFormatError` for a part that is nested too deeply to be an event's.
    """
    try:
        return sha256(json.dumps(parts, default=str).encode()).hexdigest()
    except RecursionError:
        raise EventFormatError("An event is nested too deeply.") from None
