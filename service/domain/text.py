"""Text from outside that every database can keep.

PostgreSQL keeps no NUL, no encoding of ours a lone surrogate, and JSON (RFC 8259) knows neither
NaN nor infinity.
"""

import math

from service.domain.errors import InvalidInputError

MAX_DEPTH = 16
"""How deep objects and arrays in attributes may be nested."""


def is_storable(text: str) -> bool:
    """Tell whether the text holds neither NUL nor a lone surrogate."""
    return not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text)


def check_text(field: str, text: str | None) -> None:
    """Raise `InvalidInputError` for a text that cannot be kept."""
    if text is not None and not is_storable(text):
        raise InvalidInputError(field, "This text has characters that cannot be kept.")


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
