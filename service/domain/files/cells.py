"""Cells of other tools' files: their times, tags, languages and objects in our own forms."""

import ast
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from service.domain.files.import_time import DayOrder, TimeError, read_time
from service.domain.files.meanings import plain
from service.domain.languages import is_language_tag

# After the offset Go writes the zone's name, or the offset once more where it has none.
_ISO_LIKE = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?(?:\.\d{1,6})?)\d*\s*(Z|[+-]\d\d:?\d\d)?"
    r"(?: (?:[A-Za-z]+|[+-]\d\d(?:\d\d)?))?"
)
_NUMBERS = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(.*)", re.DOTALL)
_ANY_TIME = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
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
    """Write as ISO 8601 what only a tool writes so; what any file may have stays as it is.

    One without a zone is taken for UTC. `day_first` says how the tool writes 3/4/2024.
    """
    text = text.strip()
    if found := _ISO_LIKE.fullmatch(text):
        day, time, zone = found.groups()
        return f"{day}T{time}{zone or 'Z'}"
    if day_first is not None and (found := _NUMBERS.fullmatch(text)):
        first, second, year, rest = found.groups()
        day, month = (first, second) if day_first else (second, first)
        return f"{year}-{month}-{day}{rest}"
    return text


def is_time(text: str | None) -> bool:
    """Tell whether a text is a time that can be read in one way only."""
    if not text:
        return False
    try:
        return read_time("", text, order=DayOrder(), until=_ANY_TIME).at is not None
    except TimeError:
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
    return text if is_language_tag(text) and not (text.isalpha() and len(text) > 3) else None


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
