"""Reading what providers send without trusting its shape: a wrong type reads as absent."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from service.domain.errors import EventFormatError

_NAME = re.compile(r"[\x21-\x7e]{1,255}")
_CODE = re.compile(r"[A-Za-z0-9_.:() -]{1,64}")
_MILLISECONDS_FROM = 10**11

Object = Mapping[str, Any]


def load_json(body: bytes | str) -> Any:
    """Return the decoded JSON; raise `EventFormatError`."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise EventFormatError("The body is not JSON.") from None


def as_object(value: Any) -> Object:
    """Return a JSON object; raise `EventFormatError` where the value is none."""
    if not isinstance(value, dict):
        raise EventFormatError("An event is not a JSON object.")
    return value


def as_objects(value: Any) -> list[Object]:
    """Return the events of an array, or the one event that came without; see `as_object`."""
    return [as_object(each) for each in (value if isinstance(value, list) else [value])]


def part(value: Object, name: str) -> Object:
    """Return an object inside the object, empty where there is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def text(value: Object, name: str) -> str | None:
    """Return a text, None where there is none."""
    found = value.get(name)
    return found if isinstance(found, str) else None


def name_of(value: Any) -> str | None:
    """Return a provider's name for something, a text or a number; None where it is not usable."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


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

    What is no time, lies in the future or has no zone reads as `default`, the time of receipt.
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
        return min(at.astimezone(UTC), default) if at.tzinfo is not None else default
    except (ValueError, OverflowError, OSError):
        return default


def digest_of(*parts: Any) -> str:
    """Return an event's id for a provider that gives none: the same for the same parts."""
    return sha256(json.dumps(parts, default=str).encode()).hexdigest()
