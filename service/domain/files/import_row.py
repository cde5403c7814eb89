"""One row of an imported file, and what it must bring: consent is never taken on trust.

If a row says that the person unsubscribed, that counts whatever else is wrong with the row: the
rest is noted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from service.domain.address import Address, parse_address
from service.domain.errors import AddressError, InvalidInputError
from service.domain.files.import_cells import (
    Note,
    attributes_of,
    cleaned,
    language_of,
    reason_of,
    says_left,
    source_of,
    status_of,
    text_of,
    text_version_of,
)
from service.domain.files.import_text import Cells, is_clean
from service.domain.files.import_time import TWO_WAYS, DayOrder, RowTimes
from service.domain.letters import ascii_lower
from service.domain.subscription import MAX_NAME_LENGTH, EndedReason, Status, SuppressionReason

CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of our clock a time in a file may be."""
NO_ADDRESS = "is not an email address; write it like name@example.org"

_REPORTED = {
    EndedReason.HARD_BOUNCE: SuppressionReason.HARD_BOUNCE,
    EndedReason.COMPLAINT: SuppressionReason.COMPLAINT,
}
_MOMENT = timedelta(microseconds=1)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class End:
    """Why somebody unsubscribed, and when: between `earliest` and `latest`; None means unknown.

    `at` is also None if the file's time can be read in two ways.
    """

    reason: EndedReason
    at: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None


@dataclass(slots=True, kw_only=True)
class ImportRow:
    """A row that can be imported. `list` None means the default list.

    `is_asked`: the row says `confirmed` and nothing proves it, so the person is asked by email.
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
        """Why the address must get no email from any list, if the row says so."""
        return _REPORTED.get(self.ended.reason) if self.ended else None


def parse_import_row(
    cells: Cells, *, now: datetime, left: bool = False, order: DayOrder | None = None
) -> ImportRow:
    """Read a row from the cells of the export's columns, absent or empty ones alike.

    `consent_at` and `consent_source` stand in for `confirmed_at` and `source`. A `confirmed` row
    that does not bring both becomes `pending`: nothing else proves the consent.

    A row says that the person unsubscribed by its status, by an end or by the reason of one; or the
    whole file does (`left`). Such a row needs an address and nothing else: any other fault is in
    its notes. Of any other row a fault raises `InvalidInputError`, which names the column and never
    repeats the cell. `order` knows how the file writes its days.
    """
    has_left = left or says_left(cells)
    notes: list[Note] = []
    if not is_clean(cells):
        cells = cleaned(cells, notes, is_strict=not has_left)
    try:
        address = parse_address(cells.get("email") or "")
    except AddressError:
        raise InvalidInputError("email", NO_ADDRESS) from None
    times = RowTimes(cells, until=now + CLOCK_SKEW, order=order or DayOrder())
    if has_left:
        return _ended(cells, address, times, notes, now=now)
    return _standing(cells, address, times, notes, now=now)


def _standing(
    cells: Cells, address: Address, times: RowTimes, notes: list[Note], *, now: datetime
) -> ImportRow:
    """Read the row of somebody who is subscribed, or waits to be."""
    status = status_of(cells.get("status"))
    consent_at = times.moment("consent_at") or times.moment("confirmed_at")
    source = source_of(cells)
    is_asked = status is Status.CONFIRMED and (consent_at is None or source is None)
    if is_asked:
        status = Status.PENDING
    return ImportRow(
        address=address,
        list=ascii_lower(cells.get("list") or "") or None,
        status=status,
        is_asked=is_asked,
        name=text_of(cells, "name", MAX_NAME_LENGTH),
        locale=language_of(cells),
        attributes=attributes_of(cells, notes),
        source=source,
        consent_text_version=text_version_of(cells),
        requested_at=times.moment("requested_at") or consent_at or now,
        confirmed_at=None if status is Status.PENDING else consent_at,
        notes=notes,
    )


def _ended(
    cells: Cells, address: Address, times: RowTimes, notes: list[Note], *, now: datetime
) -> ImportRow:
    """Read the row of somebody who unsubscribed. What cannot be read is noted and left out."""
    time = _noted(notes, times.read, "ended_at")
    consent_at = _noted(notes, times.moment, "consent_at") or _noted(
        notes, times.moment, "confirmed_at"
    )
    reason = _noted(notes, reason_of, cells) or EndedReason.IMPORTED
    if time is None:
        end = End(reason)
    else:
        latest = time.latest
        if consent_at is not None and latest <= consent_at:
            # The row has the consent and nevertheless says that they unsubscribed.
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
        name=_noted(notes, text_of, cells, "name", MAX_NAME_LENGTH),
        locale=_noted(notes, language_of, cells),
        attributes=_noted(notes, attributes_of, cells, notes),
        source=_noted(notes, source_of, cells),
        consent_text_version=_noted(notes, text_version_of, cells),
        requested_at=_noted(notes, times.moment, "requested_at") or consent_at or now,
        confirmed_at=consent_at,
        ended=end,
        notes=notes,
    )


def _noted(notes: list[Note], read: Callable[..., T | None], *given: object) -> T | None:
    """Read a cell; if it cannot be read, note why and return None."""
    try:
        return read(*given)
    except InvalidInputError as error:
        notes.append(Note(error.field, f"{error}. This cell was left out."))
        return None
