"""What subscriptions look like in a file: columns, order, and cells that no spreadsheet runs."""

import re
from enum import StrEnum

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
"""The only columns that a file of changes has for an erased person."""

EXTRA_COLUMNS = ("attributes", "unsubscribe_url", *DELTA_COLUMNS)
"""Further columns, on request."""

GUARDED_COLUMNS = frozenset({"email", "name", "locale", "source"})
"""Columns whose text may come from a stranger; all others are made by the service or checked. What
is JSON is guarded by itself."""

GUARD = "'"
"""What is put before such text, and before such text within it."""

SEPARATORS = ";|\t\r\n"
"""Where a program with other settings than ours begins a new cell, whatever our quotes say."""

# Blanks, controls, invisible characters and quotes: what such a program passes over.
_PASSED_OVER = (
    "\x01-\x20\x7f-\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff\"'"
)
# With the signs of East Asian keyboards, which spreadsheets take for the same.
_SIGNS = "=+@\uff1d\uff0b\uff20\uff0d\ufe66\ufe62\ufe6b\ufe63-"
_RUNS = f"[{_PASSED_OVER}]*[{_SIGNS}]"
_BEGINS = f"(?:^|(?<=[{SEPARATORS}]))"

GUARD_PATTERN = f"{_BEGINS}(?={_RUNS})|^(?='*[\t\r\n])"
"""Where a guard goes, however often there is one already (OWASP, CSV injection): before what a
spreadsheet might run, at the start of a cell or behind what might separate cells; and before a
cell that begins with a separator. The same in Python and in PostgreSQL."""

_PLACES = re.compile(GUARD_PATTERN)
_GUARDED = re.compile(f"{_BEGINS}'(?={_RUNS})|^'(?='*[\t\r\n])")
_SEPARATOR = re.compile(f"[{SEPARATORS}]")


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
"""Bytes at the start of a CSV file that show spreadsheets that it is UTF-8."""


def guard(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run; `unguard` takes it back exactly."""
    if "A" <= text[:1] <= "z" and not _SEPARATOR.search(text):
        return text
    return _PLACES.sub(GUARD, text)


def unguard(text: str) -> str:
    """Take back the apostrophes that `guard` put there."""
    return _GUARDED.sub("", text) if GUARD in text else text


def guard_json(text: str) -> str:
    """Write separators within JSON text as escapes: no cell begins there, and it is the same JSON.

    Tabs and line ends are escapes in any JSON.
    """
    return text.replace(";", "\\u003b").replace("|", "\\u007c")
