"""One row of an imported file, and what it must bring: consent is never taken on trust.

What says that a person left is honoured whatever else is wrong with the row: the rest is noted.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from service.domain.address import MAX_LENGTH, Address, parse_address
from service.domain.attributes import parse_attributes, with_clean_names
from service.domain.errors import AddressError, InvalidInputError
from service.domain.files.import_text import (
    CLEANERS,
    NO_TEXT,
    REPLACED,
    TEXT_COLUMNS,
    is_clean,
    one_line,
    trimmed,
    word,
)
from service.domain.files.import_time import (
    EXAMPLE,
    DayOrder,
    FileTime,
    TimeError,
    is_no_time,
    read_time,
    utc_time,
)
from service.domain.files.meanings import ENDED, looks_like, word_key
from service.domain.languages import LANGUAGE_TAG
from service.domain.letters import ascii_lower
from service.domain.subscription import EndedReason, Status, SuppressionReason
from service.domain.text import is_storable

CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of our clock a time in a file may be."""

MAX_NAME_LENGTH = 200
MAX_SOURCE_LENGTH = 500

_STATUSES = {None: Status.PENDING, "": Status.PENDING} | {
    status.value: status for status in (Status.PENDING, Status.CONFIRMED)
}
"""Of a row that does not say that somebody left."""
_OWN_REASONS = frozenset(EndedReason)
_REPORTED = {
    EndedReason.HARD_BOUNCE: SuppressionReason.HARD_BOUNCE,
    EndedReason.COMPLAINT: SuppressionReason.COMPLAINT,
}
_GRAVEST = (EndedReason.COMPLAINT, EndedReason.HARD_BOUNCE)
_PLAIN_LOCAL = re.compile(r"(?=.{1,64}$)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
_TEXT_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")

T = TypeVar("T")

TWO_WAYS = f"is ambiguous; write it like {EXAMPLE}"
_MOMENT = timedelta(microseconds=1)
NO_ADDRESS = "is not an email address; write it like name@example.org"

Cells = Mapping[str, str | None]
Notes = list["Note"]


@dataclass(frozen=True, slots=True)
class Note:
    """What was wrong with a cell of a row that was taken all the same, or cleaned in it."""

    column: str | None
    message: str


@dataclass(frozen=True, slots=True)
class End:
    """Why somebody left, and when: between `earliest` and `latest`, which are None where nothing
    is known of it. `at` is None too where the file says it in two ways.
    """

    reason: EndedReason
    at: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None


@dataclass(slots=True, kw_only=True)
class ImportRow:
    """A row that is fit to be kept. `list` None means the default list.

    Where `is_asked` the row said `confirmed` and nothing proved it: the person is asked by email.
    """

    address: Address
    list: str | None
    status: Status
    is_asked: bool
    name: str | None
    locale: str | None
    attributes: dict[str, Any] | None
    source: str | None
    consent_text_version: str | None
    requested_at: datetime
    confirmed_at: datetime | None
    ended: End | None = None
    notes: Sequence[Note] = ()

    @property
    def reports(self) -> SuppressionReason | None:
        """Why the address must not be emailed on any list, where the row says so."""
        return _REPORTED.get(self.ended.reason) if self.ended else None


def parse_import_row(
    cells: Cells, *, now: datetime, left: bool = False, order: DayOrder | None = None
) -> ImportRow:
    """Read a row from the cells of the export's columns, absent or empty ones alike.

    `consent_at` and `consent_source` stand in for `confirmed_at` and `source`. A `confirmed` row
    that does not bring both becomes `pending`: nothing else proves the consent.

    A row says that the person left by its status, an end, or the reason of one; or the file as a
    whole does (`left`). It needs an address and nothing else: what is wrong beside that is in its
    notes. Any other row raises `InvalidInputError` that names the column, and never repeats the
    cell. `order` knows how the file writes its days.
    """
    has_left = left or says_left(cells)
    notes: Notes = []
    if not is_clean(cells):
        cells = _cleaned(cells, notes, is_strict=not has_left)
    try:
        address = _address(cells.get("email") or "")
    except AddressError:
        raise InvalidInputError("email", NO_ADDRESS) from None
    times = _Times(cells, until=now + CLOCK_SKEW, order=order or DayOrder())
    if has_left:
        return _ended(cells, address, times, notes, now=now)
    return _standing(cells, address, times, notes, now=now)


def says_left(cells: Cells) -> bool:
    """Tell whether a row's own cells say that the person left."""
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
    """Return why somebody left by a word that says so, ours or one like it; else None."""
    key = word_key(text) if text else ""
    if key in _OWN_REASONS:
        return EndedReason(key)
    meaning = looks_like(key) if key else None
    return ENDED.get(meaning) if meaning is not None else None


def has_address(cells: Cells) -> bool:
    """Tell whether the row names an address."""
    try:
        _address(trimmed(cells.get("email") or ""))
    except AddressError:
        return False
    return True


def _standing(
    cells: Cells, address: Address, times: "_Times", notes: Notes, *, now: datetime
) -> ImportRow:
    """Read the row of somebody who is or waits to be subscribed."""
    status = _status(cells.get("status"))
    consent_at = times.moment("consent_at") or times.moment("confirmed_at")
    source = _source(cells)
    is_asked = status is Status.CONFIRMED and (consent_at is None or source is None)
    if is_asked:
        status = Status.PENDING
    return ImportRow(
        address=address,
        list=ascii_lower(cells.get("list") or "") or None,
        status=status,
        is_asked=is_asked,
        name=_text(cells, "name", MAX_NAME_LENGTH),
        locale=_matching(cells, "locale", LANGUAGE_TAG),
        attributes=_attributes(cells, notes),
        source=source,
        consent_text_version=_matching(cells, "consent_text_version", _TEXT_VERSION),
        requested_at=times.moment("requested_at") or consent_at or now,
        confirmed_at=None if status is Status.PENDING else consent_at,
        notes=notes,
    )


def _ended(
    cells: Cells, address: Address, times: "_Times", notes: Notes, *, now: datetime
) -> ImportRow:
    """Read the row of somebody who left; what cannot be read is noted and left out."""
    time = _noted(notes, times.read, "ended_at")
    consent_at = _noted(notes, times.moment, "consent_at") or _noted(
        notes, times.moment, "confirmed_at"
    )
    reason = _noted(notes, _reason, cells) or EndedReason.IMPORTED
    if time is None:
        end = End(reason)
    else:
        latest = time.latest
        if consent_at is not None and latest <= consent_at:
            # The row knows of the consent and says that they left all the same.
            if latest < consent_at:
                notes.append(Note("ended_at", "is before the consent of the same row"))
            latest = consent_at + _MOMENT
        if time.at is None:
            notes.append(Note("ended_at", f"{TWO_WAYS}. Unsubscribed, at an unknown time."))
        end = End(reason, time.at, time.earliest, latest)
    return ImportRow(
        address=address,
        list=ascii_lower(cells.get("list") or "") or None,
        status=Status.UNSUBSCRIBED,
        is_asked=False,
        name=_noted(notes, _text, cells, "name", MAX_NAME_LENGTH),
        locale=_noted(notes, _matching, cells, "locale", LANGUAGE_TAG),
        attributes=_noted(notes, _attributes, cells, notes),
        source=_noted(notes, _source, cells),
        consent_text_version=_noted(notes, _matching, cells, "consent_text_version", _TEXT_VERSION),
        requested_at=_noted(notes, times.moment, "requested_at") or consent_at or now,
        confirmed_at=consent_at,
        ended=end,
        notes=notes,
    )


def _noted(notes: Notes, read: Callable[..., T | None], *given: object) -> T | None:
    """Read a cell, or note why it cannot be read."""
    try:
        return read(*given)
    except InvalidInputError as error:
        notes.append(Note(error.field, f"{error}. This cell was left out."))
        return None


def _cleaned(cells: Cells, notes: Notes, *, is_strict: bool) -> Cells:
    """Trim each cell, and note what was more than white space around it."""
    cleaned: dict[str, str | None] = {}
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
        cleaned[name] = text
    return cleaned


def _address(text: str) -> Address:
    """Do as `parse_address` does, faster for the plain addresses of few domains in a file."""
    local, _, domain = text.rpartition("@")
    if len(text) <= MAX_LENGTH and text.isascii() and _PLAIN_LOCAL.fullmatch(local):
        return Address(typed=text, key=f"{local.lower()}@{_domain_key(domain)}")
    return parse_address(text)


@lru_cache(maxsize=10_000)
def _domain_key(domain: str) -> str:
    # Whatever is trimmed away here would stay in the address as it is kept.
    if domain != domain.strip():
        raise AddressError("The domain has white space around it.")
    return parse_address(f"a@{domain}").domain


def _status(text: str | None) -> Status:
    status = _STATUSES.get(text and text.lower())
    if status is None:
        raise InvalidInputError("status", f"is unknown; use one of {', '.join(Status)}")
    return status


def _reason(cells: Cells) -> EndedReason | None:
    """Return the graver of what `ended_reason` and `status` say."""
    text = cells.get("ended_reason") or ""
    reason, by_status = left_reason(text), left_reason(cells.get("status"))
    for grave in _GRAVEST:
        if grave in (reason, by_status):
            return grave
    if reason is None and not is_no_time(text):
        raise InvalidInputError("ended_reason", f"is unknown; use one of {', '.join(EndedReason)}")
    return reason


def _source(cells: Cells) -> str | None:
    name = "consent_source" if cells.get("consent_source") else "source"
    return _text(cells, name, MAX_SOURCE_LENGTH)


def _text(cells: Cells, name: str, longest: int) -> str | None:
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


@lru_cache(maxsize=1_000)
def _matches(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.fullmatch(text) is not None


class _Times:
    """The times of one row."""

    __slots__ = ("_cells", "_order", "_until")

    def __init__(self, cells: Cells, *, until: datetime, order: DayOrder) -> None:
        self._cells = cells
        self._until = until
        self._order = order

    def read(self, name: str) -> FileTime | None:
        """Return when it was, or None where the cell says that it was not."""
        text = self._cells.get(name)
        if not text:
            return None
        at = utc_time(text)
        if at is not None and at <= self._until:
            return FileTime(at, at, at)
        if is_no_time(text):
            return None
        try:
            return read_time(name, text, order=self._order, until=self._until)
        except TimeError as error:
            raise InvalidInputError(name, str(error)) from None

    def moment(self, name: str) -> datetime | None:
        """Return when it was, where that can be read in one way only."""
        text = self._cells.get(name)
        if not text:
            return None
        at = utc_time(text)
        if at is not None and at <= self._until:
            return at
        time = self.read(name)
        if time is not None and time.at is None:
            raise InvalidInputError(name, TWO_WAYS)
        return None if time is None else time.at


def _attributes(cells: Cells, notes: Notes) -> dict[str, Any] | None:
    text = cells.get("attributes")
    if not text:
        return None
    value = parse_attributes(text)
    kept = value and with_clean_names(value)
    if kept is not value:
        notes.append(
            Note("attributes", "had names with white space around them, which was removed")
        )
    return kept
