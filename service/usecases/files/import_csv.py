"""Rows of a CSV file (RFC 4180), and where one ends that breaks the rules.

A quote that is never closed makes a reader take all that follows for one cell. Here it costs its
own row and no other: reading goes on with the next line. A row that is not well-formed counts only
if it says that somebody unsubscribed.
"""

import csv
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from service.domain.errors import InvalidInputError
from service.domain.files.import_cells import left_reason
from service.domain.files.import_text import trimmed, word
from service.usecases.files.import_text import MAX_LINE_BYTES, Lines, delimiter_of

MAX_RECORD_CHARS = 2 * MAX_LINE_BYTES
"""A row over several lines that is longer than this has a quote that is not closed."""

MAX_PARTED_CELLS = 200
"""A row of more cells than this, and of more than the header has, is read in one way only."""

QUOTES = 'has a quote (") in the wrong place; within a quoted cell write it twice'
OPEN_QUOTE = 'contains further rows within a quoted cell; close its quote (")'
WITHIN = 'is within a quoted cell of line {line}; close the quote (") there'
TOO_LONG = f"is longer than {MAX_LINE_BYTES} bytes; shorten it"
TOO_MANY = (
    "has {found} cells where the header has {expected}; put a cell that contains the delimiter "
    "in quotes"
)
TWO_VALUES = "has two different cells, because the header names this column twice; remove one"
UNTITLED = "says unsubscribed in a column without a title; give the column a title"
_ADDRESS = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")


@dataclass(slots=True)
class Record:
    """A row's cells, one for each title.

    With a `doubt` there are none. The row then counts only if one of its `readings` says that
    somebody unsubscribed; the likeliest reading comes first. `column` is where the doubt is, if it
    is in one column. Without a doubt the readings are other ways to read a row that turns out to be
    invalid.
    """

    line: int
    cells: list[str]
    doubt: str | None = None
    column: str | None = None
    readings: Sequence[list[str]] = ()


class CsvRows:
    """The rows of a CSV file. Memory holds one of them."""

    def __init__(self, lines: Lines) -> None:
        """Read the header. Raises `InvalidInputError` for `file` where there is none."""
        self._lines = lines
        self._source = iter(lines)
        self._ahead: deque[str] = deque()
        self._held: list[str] = []
        """The lines of one row, the first of which is the line `_line` of the file."""
        self._line = 1
        self._long_lines: set[int] = set()
        self._delimiter = self._found_delimiter()
        self._reader = self._new_reader()
        titles = [word(title) for title in self._header()]
        self._held.clear()
        self._line += 1
        places: dict[str, list[int]] = {}
        for place, title in enumerate(titles):
            if title:
                places.setdefault(title.casefold(), []).append(place)
        self.titles = [titles[found[0]] for found in places.values()]
        """The titles, each once whatever its letter case, and none that is empty."""
        self.used: Collection[str] = self.titles
        """The titles that matter. Cells under another one may differ where it is there twice."""
        self._width = len(titles)
        self._places = list(places.values())
        self._untitled = [place for place, title in enumerate(titles) if not title]
        self._is_plain = self.titles == titles

    def __iter__(self) -> Iterator[Record]:
        """Give the rows, and of those that are not well-formed what is left of them."""
        held, width, is_plain = self._held, self._width, self._is_plain
        long_lines = self._long_lines
        while True:
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error:
                yield self._broken()
                continue
            line, count = self._line, len(held)
            texts = held[1:]
            held.clear()
            self._line = line + count
            first = row[0] if row else ""
            if is_plain and len(row) == width and count == 1 and first and not long_lines:
                if not first.isspace() or any(map(trimmed, row)):
                    yield Record(line, row)
            elif long_lines and self._has_long_line(line, count):
                yield Record(line, [], TOO_LONG)
            elif texts and (inner := self._inner_rows(line + 1, texts)):
                yield Record(line, [], OPEN_QUOTE, None, [self._fitted(line, row).cells])
                for number in inner:
                    yield Record(number, [], WITHIN.format(line=line))
            elif any(map(trimmed, row)):
                yield self._fitted(line, row)

    def _found_delimiter(self) -> str:
        """Find the delimiter in the first line that holds anything; one may say only that."""
        for text in self._source:
            if self._lines.is_too_long:
                raise InvalidInputError("file", "The first line is too long for a header.")
            if trimmed(text):
                found, says_only_that = delimiter_of(text)
                if not says_only_that:
                    self._ahead.append(text)
                self._line = self._lines.number + says_only_that
                return found
        return ","

    def _header(self) -> list[str]:
        try:
            found: list[str] = next(self._reader, [])
        except csv.Error:
            found = []
        if len(self._held) > 1:
            raise InvalidInputError("file", f"The header line {QUOTES}.")
        if not found:
            raise InvalidInputError(
                "file",
                "The file has no header line. Write the names of the columns into the first line.",
            )
        return found

    def _new_reader(self) -> Iterator[list[str]]:
        # Strict: a quote in the wrong place is an error.
        return csv.reader(self._feed(), delimiter=self._delimiter, strict=True)

    def _feed(self) -> Iterator[str]:
        """Give the lines, those that are to be read once more first; hold those of one row."""
        held, ahead, lines = self._held, self._ahead, self._lines
        chars = 0
        while True:
            if ahead:
                text = ahead.popleft()
            elif text := next(self._source, ""):
                if lines.is_too_long:
                    lines.is_too_long = False
                    self._long_lines.add(lines.number)
            else:
                return
            held.append(text)
            if len(held) > 1:
                chars = len(text) + (chars if len(held) > 2 else len(held[0]))
                if chars > MAX_RECORD_CHARS:
                    raise csv.Error("too long for one row")
            yield text

    def _has_long_line(self, first: int, count: int) -> bool:
        """Tell whether one of these lines was too long, and forget it."""
        found = self._long_lines.intersection(range(first, first + count))
        self._long_lines -= found
        return bool(found)

    def _broken(self) -> Record:
        """Give up the first line in hand, and read the others once more."""
        text, *rest = self._held
        line = self._line
        self._ahead.extendleft(reversed(rest))
        self._held.clear()
        self._line += 1
        self._reader = self._new_reader()
        readings = [
            [_bare(cell) for cell in row]
            for row in (self._parted(text), text.rstrip("\n").split(self._delimiter))
        ]
        return Record(
            line, [], QUOTES, None, [cells for row in readings for cells in self._readings(row)]
        )

    def _parted(self, text: str) -> list[str]:
        """Part one line at delimiters that have an even number of quotes before them."""
        text = text.rstrip("\n")
        cells, start, is_quoted = [], 0, False
        for place, char in enumerate(text):
            if char == '"':
                is_quoted = not is_quoted
            elif char == self._delimiter and not is_quoted:
                cells.append(text[start:place])
                start = place + 1
        return [*cells, text[start:]]

    def _inner_rows(self, first: int, texts: Sequence[str]) -> list[int]:
        """Return the numbers of the lines, from `first` on, that look like rows of their own."""
        return [
            number
            for number, text in enumerate(texts, start=first)
            if "@" in text and self._looks_like_row(text.rstrip("\n").split(self._delimiter))
        ]

    def _looks_like_row(self, cells: list[str]) -> bool:
        return (len(cells) > 1 or self._width == 1) and any(
            _ADDRESS.fullmatch(trimmed(cell).strip('"')) for cell in cells
        )

    def _fitted(self, line: int, row: list[str]) -> Record:
        """Give the record of a row that has too few cells, or too many, or whose titles do not
        all count.
        """
        readings = self._readings(row)
        if any(map(trimmed, row[self._width :])):
            doubt = TOO_MANY.format(found=len(row), expected=self._width)
            return Record(line, [], doubt, None, readings)
        padded = row + [""] * (self._width - len(row))
        for title, places in zip(self.titles, self._places, strict=True):
            given = {trimmed(padded[place]) for place in places} - {""}
            if len(given) > 1 and title in self.used:
                ways = [
                    [
                        (padded[place] if name == title else cell)
                        for name, cell in zip(self.titles, readings[0], strict=True)
                    ]
                    for place in places
                ]
                return Record(line, [], TWO_VALUES, title, ways)
        if any(left_reason(padded[place]) for place in self._untitled):
            return Record(line, [], UNTITLED)
        return Record(line, readings[0], readings=readings[1:])

    def _readings(self, row: list[str]) -> list[list[str]]:
        """Return the cells by title: in one way, or if there are too many of them in several.

        Each of those takes some cells that follow each other for parts of one.
        """
        width = self._width
        extra = len(row) - width
        places = width if len(row) <= MAX_PARTED_CELLS else 0
        if extra <= 0:
            ways = [row + [""] * -extra]
        else:
            ways = [row[:place] + row[place + extra :] for place in (width, *range(places))]
        return [
            [
                next((way[place] for place in places if trimmed(way[place])), "")
                for places in self._places
            ]
            for way in ways
        ]


def _bare(cell: str) -> str:
    """Take quotes from around a cell. One with others in it stays as it is: no address has any."""
    inner = trimmed(cell).removeprefix('"').removesuffix('"')
    return cell if '"' in inner else inner
