"""JSON as PostgreSQL writes it."""

import json
from decimal import Decimal
from typing import Any


def json_cell(text: str | None) -> str:
    """Write one text as JSON, as PostgreSQL does: only what must be escaped is."""
    return "null" if text is None else json.dumps(text, ensure_ascii=False)


def canonical_json(text: str) -> str:
    """Write JSON text as PostgreSQL prints a `jsonb`: keys by length and bytes, plain numbers."""
    return _canonical(json.loads(text, parse_float=Decimal))


def _canonical(value: Any) -> str:
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: (len(pair[0].encode()), pair[0].encode()))
        return "{" + ", ".join(f"{json_cell(key)}: {_canonical(item)}" for key, item in pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_canonical(item) for item in value) + "]"
    if isinstance(value, Decimal):
        return format(abs(value) if value.is_zero() else value, "f")
    return json.dumps(value, ensure_ascii=False)
