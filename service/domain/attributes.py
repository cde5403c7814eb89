"""Attributes: what the site's own systems keep beside a person, a JSON object."""

import json
import re
from typing import Any

from service.domain.errors import InvalidInputError
from service.domain.json_text import canonical_json
from service.domain.text import check_json

MAX_ATTRIBUTES = 50
MAX_ATTRIBUTES_BYTES = 10_000

_EXPONENT = re.compile(r"\d[eE]")


def parse_attributes(text: str) -> dict[str, Any] | None:
    """Read JSON text. Raises `InvalidInputError` for what is no object, or cannot be kept."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidInputError(
            "attributes", 'are not JSON; write them like {"city": "Paris"}'
        ) from None
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidInputError(
            "attributes", 'are not a JSON object; write them like {"city": "Paris"}'
        )
    check_attributes(value)
    return value


def check_attributes(value: dict[str, Any]) -> None:
    """Raise `InvalidInputError` for attributes that are too many, too long, or cannot be kept."""
    check_json("attributes", value)  # first: it goes level by level, and no depth overwhelms it
    if len(value) > MAX_ATTRIBUTES:
        raise InvalidInputError("attributes", f"Use at most {MAX_ATTRIBUTES} names.")
    if attributes_bytes(value) > MAX_ATTRIBUTES_BYTES:
        raise InvalidInputError("attributes", f"Use at most {MAX_ATTRIBUTES_BYTES} bytes of JSON.")


def attributes_bytes(value: dict[str, Any]) -> int:
    """Return how many bytes of JSON (UTF-8) the attributes are, as they go into a file.

    They are of those that `check_json` takes.
    """
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= MAX_ATTRIBUTES_BYTES and _EXPONENT.search(text):
        # 1e300 is short here, and has 301 digits in the export that must come back.
        text = canonical_json(text)
    return len(text.encode())


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
