"""What subscriptions look like in a file: columns, order, and cells that no spreadsheet runs."""

import json
import re
from decimal import Decimal
from enum import StrEnum
from typing import Any

EXPORT_COLUMNS = (
    "email",
    "name",
    "list",
    "status",
    "locale",
    "source",
    "requested_at",
    "confirmed_at",
    "ended_at",
    "ended_reason",
    "consent_text_version",
)
"""One row a subscription, in this order."""

DELTA_COLUMNS = ("id", "erased_at")
"""What a file of changes tells of an erased person, and nothing else of them."""

EXTRA_COLUMNS = ("attributes", "unsubscribe_url", *DELTA_COLUMNS)
"""Further columns, on request."""

GUARDED_COLUMNS = frozenset({"email", "name", "locale", "source"})
"""Columns whose text may come from a stranger; all others are made by the service or checked."""

GUARD = "'"
"""What is put before such text."""

GUARD_PATTERN = "^'*[=+@\t\r\n-]"
"""What a spreadsheet might take for a formula (OWASP, CSV injection), however often guarded."""

_FORMULA = re.compile(GUARD_PATTERN)
_GUARDED = re.compile("^'+[=+@\t\r\n-]")
_NEEDS_QUOTES = re.compile('[",\r\n]')


class FileFormat(StrEnum):
    """How the rows are written."""

    CSV = "csv"
    """RFC 4180 with LF line ends and a header; an absent value is empty, an empty text is `""`."""
    NDJSON = "ndjson"
    """One JSON object a line, the columns as its keys."""
    XLSX = "xlsx"
    """A workbook (ECMA-376) whose cells are all text, so that none runs. Only written, not read."""


TEXT_FORMATS = (FileFormat.CSV, FileFormat.NDJSON)
"""What an import reads."""

MEDIA_TYPES = {
    FileFormat.CSV: "text/csv; charset=utf-8; header=present",
    FileFormat.NDJSON: "application/x-ndjson",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

BYTE_ORDER_MARK = "\ufeff".encode()
"""What tells a spreadsheet that a CSV file is UTF-8."""


def guard(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run; `unguard` takes it back exactly."""
    return f"{GUARD}{text}" if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """Take back the apostrophe that `guard` put there."""
    return text[1:] if _GUARDED.match(text) else text


def csv_line(cells: list[str | None]) -> str:
    """Write a line byte for byte as PostgreSQL's COPY … CSV does."""
    if cells == ["\\."]:
        return '"\\."\n'
    return ",".join([_csv_cell(cell) for cell in cells]) + "\n"


def _csv_cell(cell: str | None) -> str:
    if cell is None:
        return ""
    if cell == "" or _NEEDS_QUOTES.search(cell):
        return '"' + cell.replace('"', '""') + '"'
    return cell


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
