"""The cells of one row of an imported file: what each may hold, and how it is read."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from service.domain.address import parse_address
from service.domain.attributes import parse_attributes
from service.domain.errors import AddressError, InvalidInputError
from service.domain.files.import_text import (
    CLEANERS,
    NO_TEXT,
    REPLACED,
    TEXT_COLUMNS,
    Cells,
    one_line,
    trimmed,
    word,
)
from service.domain.files.import_time import (
    is_no_time,
)
from service.domain.files.meanings import ENDED, looks_like, word_key
from service.domain.languages import LANGUAGE_TAG
from service.domain.subscription import MAX_SOURCE_LENGTH, EndedReason, Status
from service.domain.text import is_storable

_STATUSES = {None: Status.PENDING, "": Status.PENDING} | {
    status.value: status for status in (Status.PENDING, Status.CONFIRMED)
}
"""Of a row that does not say that somebody unsubscribed."""
_OWN_REASONS = frozenset(EndedReason)
_GRAVEST = (EndedReason.COMPLAINT, EndedReason.HARD_BOUNCE)
_TEXT_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


@dataclass(frozen=True, slots=True)
class Note:
    """What was wrong with a cell, or cleaned in it, of a row that was taken nevertheless."""

    column: str | None
    message: str


def says_left(cells: Cells) -> bool:
    """Return whether a row's own cells say that the person unsubscribed."""
    status, at, reason = cells.get("status"), cells.get("ended_at"), cells.get("ended_reason")
    if not at and not reason:
        return status not in _STATUSES and left_reason(status) is not None
    return (
        left_reason(status) is not None
        or not is_no_time(word(at or ""))
        or not is_no_time(word(reason or ""))
    )


@lru_cache(maxsize=1_000)
def left_reason(text: str | None) -> EndedReason | None:
    """Return why somebody unsubscribed, if the text is a word for that, ours or not; else None."""
    key = word_key(text) if text else ""
    if key in _OWN_REASONS:
        return EndedReason(key)
    meaning = looks_like(key) if key else None
    return ENDED.get(meaning) if meaning is not None else None


def has_address(cells: Cells) -> bool:
    """Return whether the row names an address."""
    try:
        parse_address(trimmed(cells.get("email") or ""))
    except AddressError:
        return False
    return True


def cleaned(cells: Cells, notes: list[Note], *, is_strict: bool) -> Cells:
    """Trim each cell; note where more than white space around it was removed."""
    found: dict[str, str | None] = {}
    for name, cell in cells.items():
        text = cell or ""
        if not is_storable(text):
            if is_strict or name == "email":
                raise InvalidInputError(name, NO_TEXT)
            notes.append(Note(name, f"{NO_TEXT}. This cell was left out."))
            text = ""
        if name in TEXT_COLUMNS:
            text, is_other = one_line(text)
            if is_other:
                notes.append(Note(name, REPLACED))
        else:
            text = CLEANERS.get(name, word)(text)
        found[name] = text
    return found


def status_of(text: str | None) -> Status:
    """Return the status of somebody who is, or waits to be, subscribed."""
    status = _STATUSES.get(text and text.lower())
    if status is None:
        raise InvalidInputError("status", f"is unknown; use one of {', '.join(Status)}")
    return status


def reason_of(cells: Cells) -> EndedReason | None:
    """Return the graver of what `ended_reason` and `status` say."""
    text = cells.get("ended_reason") or ""
    reason, by_status = left_reason(text), left_reason(cells.get("status"))
    for grave in _GRAVEST:
        if grave in (reason, by_status):
            return grave
    if reason is None and not is_no_time(text):
        raise InvalidInputError("ended_reason", f"is unknown; use one of {', '.join(EndedReason)}")
    return reason


def source_of(cells: Cells) -> str | None:
    """Return where the person gave their consent, or else where they signed up."""
    name = "consent_source" if cells.get("consent_source") else "source"
    return text_of(cells, name, MAX_SOURCE_LENGTH)


def text_of(cells: Cells, name: str, longest: int) -> str | None:
    """Return a cell's text, which may have `longest` characters."""
    text = cells.get(name)
    if not text:
        return None
    if len(text) > longest:
        raise InvalidInputError(name, f"is longer than {longest} characters; shorten it")
    return text


def _matching(cells: Cells, name: str, pattern: re.Pattern[str]) -> str | None:
    text = cells.get(name)
    if not text:
        return None
    if not _matches(pattern, text):
        raise InvalidInputError(name, "does not have the format that it has in an export")
    return text


def language_of(cells: Cells) -> str | None:
    """Return the language, a BCP 47 tag."""
    return _matching(cells, "locale", LANGUAGE_TAG)


def text_version_of(cells: Cells) -> str | None:
    """Return which version of the consent text the person saw."""
    return _matching(cells, "consent_text_version", _TEXT_VERSION)


@lru_cache(maxsize=1_000)
def _matches(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.fullmatch(text) is not None


def attributes_of(cells: Cells, notes: list[Note]) -> dict[str, Any] | None:
    """Return the attributes; note where their names had white space around them."""
    text = cells.get("attributes")
    if not text:
        return None
    value = parse_attributes(text)
    clean = value and _with_clean_names(value)
    if clean is not value:
        notes.append(
            Note("attributes", "had names with white space around them, which was removed")
        )
    return clean


def _with_clean_names(value: dict[str, Any]) -> dict[str, Any]:
    """Return attributes whose names, at any depth, have no white space around them and no control
    characters; the very same object where all are clean.

    Raises `InvalidInputError` where two names would become one.
    """
    named: dict[str, Any] = _clean_names(value)
    return named


def _clean_names(value: Any) -> Any:
    if isinstance(value, list):
        items = [_clean_names(item) for item in value]
        return value if all(map(_is_same, items, value)) else items
    if not isinstance(value, dict):
        return value
    pairs = {one_line(name)[0]: _clean_names(item) for name, item in value.items()}
    if len(pairs) < len(value):
        raise InvalidInputError(
            "attributes", "have two names that differ in white space only; rename one"
        )
    if pairs.keys() == value.keys() and all(map(_is_same, pairs.values(), value.values())):
        return value
    return pairs


def _is_same(one: object, other: object) -> bool:
    return one is other
