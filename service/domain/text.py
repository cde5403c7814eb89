"""Text and times from outside that every database can keep.

PostgreSQL keeps no NUL, no encoding of ours a lone surrogate, and JSON (RFC 8259) knows neither
NaN nor infinity.
"""

import math
import re
from datetime import UTC, datetime

from service.domain.errors import InvalidInputError

MAX_DEPTH = 16
"""How deep objects and arrays in attributes may be nested."""
UNSTORABLE = "This text contains characters that can't be stored."
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Tell whether the text holds neither NUL nor a lone surrogate."""
    return _UNSTORABLE.search(text) is None


def check_text(field: str, text: str | None) -> None:
    """Raise `InvalidInputError` for a text that cannot be kept."""
    if text is not None and not is_storable(text):
        raise InvalidInputError(field, UNSTORABLE)


def check_json(field: str, value: object) -> None:
    """Raise `InvalidInputError` for a value, as JSON gives it, that cannot be kept."""
    level = [value]
    for _ in range(MAX_DEPTH):
        if not level:
            return
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner += [*each.keys(), *each.values()]
            elif isinstance(each, list):
                inner += each
            elif isinstance(each, str):
                check_text(field, each)
            elif isinstance(each, float) and not math.isfinite(each):
                raise InvalidInputError(field, "This number is too large.")
        level = inner
    if level:
        raise InvalidInputError(field, f"Nest at most {MAX_DEPTH} levels.")


def in_utc(at: datetime) -> datetime:
    """Return the same moment in UTC.

    Raises `ValueError` where UTC has no name for it: at both ends of the calendar (years 1 and
    9999) an offset leads out of it.
    """
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of the calendar") from None
