"""Times in files: ISO 8601, and what spreadsheets make of it when they save a file.

A time without a zone is taken for UTC. `3/1/2024` is the third of January or the first of March:
what other rows of the file settle is read, and nothing is guessed.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from service.domain.errors import InvalidInputError
from service.domain.files.import_text import Cells

EXAMPLE = "2026-03-01T12:00:00Z"
TWO_WAYS = f"is ambiguous; write it like {EXAMPLE}"

# What a program writes where there is no time.
_NONE = re.compile(
    r"(?:-+|n/?a|nan|nat|null|none|nil|never|0|\\n|\(null\)"
    r"|0000-00-00(?:[T ]00:00:00(?:\.0+)?Z?)?)",
    re.IGNORECASE,
)
_ISO = re.compile(
    r"\d{4}-?\d\d-?\d\d[T ]\d\d:?\d\d(?::?\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE,
)
_EXPORTED = re.compile(r"(?:199|[2-9]\d\d)\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)
_FORM = re.compile(
    r"(?:(?P<year>\d{4})(?P<dash>[-/.])(?P<month>\d\d?)(?P=dash)(?P<day>\d\d?)"
    r"|(?P<first>\d\d?)(?P<sign>[-/.])(?P<second>\d\d?)(?P=sign)(?P<year_last>\d{4})"
    r"|(?P<day_named>\d\d?)(?:st|nd|rd|th)?[-. ]+(?P<name>[a-z]{3,9})[-., ]+(?P<year_named>\d{4})"
    r"|(?P<name_first>[a-z]{3,9})\.? (?P<day_second>\d\d?)(?:st|nd|rd|th)?,? (?P<year_third>\d{4}))"
    r"(?:(?:T|,? )(?P<hour>\d\d?):(?P<minute>\d\d)"
    r"(?::(?P<second_of>\d\d)(?:[.,](?P<part>\d{1,9}))?)?"
    r"(?: ?(?P<half>[ap])\.?m\.?)?"
    r"(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?)?",
    re.IGNORECASE,
)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
_FIRST_YEAR = 1990
_DAY = timedelta(days=1)


class TimeError(ValueError):
    """A cell is no time. The message completes a sentence that begins with the column's name."""


@dataclass(frozen=True, slots=True)
class FileTime:
    """When something was, as far as a cell says it: between `earliest` and `latest`.

    `at` is None where the cell can be read in two ways. A day without a time of day is its first
    moment, and whatever happened on it may have been as late as the last.
    """

    at: datetime | None
    earliest: datetime
    latest: datetime


class DayOrder:
    """Whether a file writes the day before the month, as far as its cells have shown."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._seen: dict[str, set[bool]] = {}

    def learn(self, column: str, text: str | None) -> None:
        """Take note of a cell that can be read in one way only."""
        if text and (found := _FORM.fullmatch(text)) and found["first"]:
            self._learn(column, int(found["first"]), int(found["second"]))

    def _learn(self, column: str, first: int, second: int) -> None:
        if (first > 12) != (second > 12):
            self._seen.setdefault(column, set()).add(first > 12)

    def is_day_first(self, column: str) -> bool | None:
        """Return what the column's cells show, else what all others do; None where they do not."""
        seen = self._seen.get(column) or set().union(*self._seen.values())
        return next(iter(seen)) if len(seen) == 1 else None


def is_no_time(text: str | None) -> bool:
    """Tell whether a cell is empty, or says that there is no time."""
    return not text or _NONE.fullmatch(text) is not None


def utc_time(text: str) -> datetime | None:
    """Read a time as an export has it, fast; None where it is written in any other way."""
    if text[-1] != "Z" or not _EXPORTED.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def read_time(column: str, text: str, *, order: DayOrder, until: datetime) -> FileTime:
    """Read a cell that is trimmed. Raises `TimeError`; a time after `until` is none.

    Without a time of day the cell means a whole day; without a zone, UTC.
    """
    if _ISO.fullmatch(text):
        try:
            at = datetime.fromisoformat(text)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError):
            raise TimeError(f"is not a time; write it like {EXAMPLE}") from None
        return _checked([at], is_day=False, until=until)
    found = _FORM.fullmatch(text)
    days = _days(column, found, order) if found else []
    if not found or not days:
        raise TimeError(f"is not a time; write it like {EXAMPLE}")
    try:
        return _checked(
            [each for day in days if (each := _at(found, *day))],
            is_day=found["hour"] is None,
            until=until,
        )
    except OverflowError:
        raise TimeError(f"is not a time; write it like {EXAMPLE}") from None


def _days(column: str, found: re.Match[str], order: DayOrder) -> list[tuple[int, int, int]]:
    """Return year, month and day, in both ways where nothing settles which it is."""
    if found["year"]:
        return [(int(found["year"]), int(found["month"]), int(found["day"]))]
    if name := found["name"] or found["name_first"]:
        month = _month(name.lower())
        day = int(found["day_named"] or found["day_second"])
        return [(int(found["year_named"] or found["year_third"]), month, day)]
    first, second, year = int(found["first"]), int(found["second"]), int(found["year_last"])
    order._learn(column, first, second)
    is_day_first = order.is_day_first(column)
    if is_day_first is None and found["sign"] == ".":
        is_day_first = True  # nobody writes the month first with dots
    day_first, month_first = (year, second, first), (year, first, second)
    if first > 12 or second > 12 or first == second:
        return [day_first if first > 12 else month_first]
    if is_day_first is None:
        return [day_first, month_first]
    return [day_first if is_day_first else month_first]


def _month(name: str) -> int:
    """Return the month of an English name, whole or of three letters; 0 where it is none."""
    for number, whole in enumerate(_MONTHS, start=1):
        if name in (whole, whole[:3]) or (name == "sept" and number == 9):
            return number
    return 0


def _at(found: re.Match[str], year: int, month: int, day: int) -> datetime | None:
    """Return the moment, or None where there is no such day or time."""
    hour = int(found["hour"] or 0)
    if half := found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in "pP" else 0)
    zone = (found["zone"] or "").lstrip("zZuUtTcCgGmM").replace(":", "")
    offset = timedelta(hours=int(zone[:3] or 0), minutes=int(zone[:1] + (zone[3:] or "0") or 0))
    try:
        return (
            datetime(
                year,
                month,
                day,
                hour,
                int(found["minute"] or 0),
                int(found["second_of"] or 0),
                int(((found["part"] or "") + "000000")[:6]),
                tzinfo=UTC,
            )
            - offset
        )
    except ValueError:
        return None


def _checked(moments: list[datetime], *, is_day: bool, until: datetime) -> FileTime:
    if not moments or min(moments).year < _FIRST_YEAR:
        raise TimeError(f"is not a time; write it like {EXAMPLE}")
    past = sorted({at for at in moments if at <= until})
    if not past:
        raise TimeError("lies in the future")
    rest = min(_DAY - timedelta(microseconds=1), until - past[-1]) if is_day else timedelta()
    return FileTime(past[0] if len(past) == 1 else None, past[0] + rest, past[-1] + rest)


class RowTimes:
    """The times of one row."""

    __slots__ = ("_cells", "_order", "_until")

    def __init__(self, cells: Cells, *, until: datetime, order: DayOrder) -> None:
        """No time is later than `until`; `order` knows how the file writes its days."""
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
