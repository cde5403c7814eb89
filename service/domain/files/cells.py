"""Cells of other tools' files: their times, tags, languages and objects in our own forms."""

import ast
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from service.domain.files.meanings import plain

# After the offset Go writes the zone's name, or the offset once more where it has none.
_ISO_LIKE = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?(?:\.\d{1,6})?)\d*\s*(Z|[+-]\d\d:?\d\d)?"
    r"(?: (?:[A-Za-z]+|[+-]\d\d(?:\d\d)?))?"
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBERS = re.compile(
    r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})"
    r"(?:,? (\d{1,2}):(\d\d)(?::(\d\d))?(?: ?([AaPp])[Mm])?)?(?: ?UTC)?"
)
_MONTH_NAME = re.compile(
    r"([A-Za-z]{3})[a-z]* (\d{1,2}),? (\d{4})"
    r"(?:,?(?: at)? (\d{1,2}):(\d\d)(?::(\d\d))?(?: ?([AaPp])[Mm])?)?(?: (?:UTC|GMT))?"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
_TAG = re.compile(r'"((?:[^"]|"")*)"|([^,;|"]+)')
_NO_TIME = frozenset({"", "-", "0", "no", "false", "null", "none", "n/a"})
_WORDS_OF_LEAVING = (
    "unsubscribed, unsubscribe, opted out, optout, opt out, bounced, hard bounced, hard bounce, "
    "cleaned, complained, blacklisted, blocklisted, suppressed, do not email, do not contact, "
    "abgemeldet, abbestellt, ausgetragen, desinscrit, desinscrite, desabonne, desabonnee, "
    "dado de baja, desuscrito, disiscritto, disiscritta, descadastrado, uitgeschreven, afgemeld, "
    "avregistrerad, afmeldt, avmeldt, wypisany, odhlaseny"
)
# Nobody has these words in a column of another kind by chance.
_UNMISTAKABLE = frozenset(_WORDS_OF_LEAVING.split(", "))


def is_no_time(cell: str) -> bool:
    """Tell whether a cell for the time of an end says that there was none."""
    text = cell.strip().casefold()
    return text in _NO_TIME or text.startswith("0000-00-00")


def is_unmistakable(cell: str) -> bool:
    """Tell whether a cell of any column says that the person must not be emailed."""
    return 4 <= len(cell) <= 20 and plain(cell) in _UNMISTAKABLE


def as_iso(text: str, *, day_first: bool | None = None) -> str:
    """Write a tool's time as ISO 8601; what is not understood stays as it is.

    One without a zone is taken for UTC, and a day for its beginning. 3/4/2024 is understood only
    where `day_first` says which of the two it is.
    """
    text = text.strip()
    if found := _ISO_LIKE.fullmatch(text):
        day, time, zone = found.groups()
        return f"{day}T{time}{zone or 'Z'}"
    if _DAY.fullmatch(text):
        return f"{text}T00:00:00Z"
    with suppress(ValueError):
        if day_first is not None and (found := _NUMBERS.fullmatch(text)):
            first, second, year, *clock = found.groups()
            day, month = (first, second) if day_first else (second, first)
            return _written(year, int(month), day, clock)
        if found := _MONTH_NAME.fullmatch(text):
            name, day, year, *clock = found.groups()
            return _written(year, _MONTHS.index(name.lower()) + 1, day, clock)
    return text


def _written(year: str, month: int, day: str, clock: list[str | None]) -> str:
    hour, minute, seconds, half = clock
    hours = int(hour or 0)
    if half:
        hours = hours % 12 + (12 if half in "pP" else 0)
    at = datetime(
        int(year), month, int(day), hours, int(minute or 0), int(seconds or 0), tzinfo=UTC
    )
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def is_time(text: str | None) -> bool:
    """Tell whether a text is a time with its zone, in ISO 8601."""
    try:
        return bool(text) and datetime.fromisoformat(text or "").tzinfo is not None
    except ValueError:
        return False


def is_before(first: str | None, second: str | None) -> bool:
    """Tell whether both are times as `as_iso` writes them, and the first is earlier."""
    try:
        return bool(first and second) and (
            datetime.fromisoformat(first or "") < datetime.fromisoformat(second or "")
        )
    except (ValueError, TypeError):
        return False


def locale_of(cell: str) -> str | None:
    """Return a language tag; None where the cell has a language's name or nothing."""
    text = cell.strip()
    return text if _LOCALE.fullmatch(text) and not (text.isalpha() and len(text) > 3) else None


def tags_of(cell: str) -> list[str]:
    """Return the tags of a cell: a JSON array, or text with commas, semicolons or bars between."""
    with suppress(ValueError, RecursionError):
        value = json.loads(cell)
        if isinstance(value, list):
            return [tag for tag in value if isinstance(tag, str) and tag]
    tags = ((quoted.replace('""', '"') or bare).strip() for quoted, bare in _TAG.findall(cell))
    return [tag for tag in tags if tag]


def as_json(text: str) -> str:
    """Return JSON for an object that is written as Python writes it; else the text as it is."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        with suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return json.dumps(ast.literal_eval(text))
    return text


def merged(text: str | None, attributes: Mapping[str, Any]) -> str:
    """Return a cell of attributes with more of them. What is no JSON object stays as it is."""
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return text or ""
    return json.dumps({**attributes, **value}) if isinstance(value, dict) else text or ""
