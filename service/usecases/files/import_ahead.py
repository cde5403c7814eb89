"""The first rows of a file, looked at before any is taken: how does it write its days?"""

from collections.abc import Iterator
from itertools import chain

from service.domain.files.import_text import word
from service.domain.files.import_time import DayOrder, utc_time
from service.usecases.files.import_reading import DoubtfulRow, FileRow, Found

AHEAD_ROWS = 2_000
AHEAD_CHARS = 1 << 20
"""How many rows and characters are read ahead, and so are in memory at once."""

TIME_COLUMNS = ("consent_at", "requested_at", "confirmed_at", "ended_at")


def read_ahead(rows: Iterator[Found], order: DayOrder) -> Iterator[Found]:
    """Give all rows, after `order` has learned from the first of them.

    An error while they are read is raised after the rows that were read before it.
    """
    first: list[Found] = []
    try:
        chars = 0
        for found in rows:
            first.append(found)
            if isinstance(found, FileRow):
                _learn(order, found)
            chars += _size(found)
            if len(first) >= AHEAD_ROWS or chars >= AHEAD_CHARS:
                break
    except Exception as error:  # noqa: BLE001 - raised in its place
        return chain(first, _raising(error))
    return chain(first, rows)


def _learn(order: DayOrder, row: FileRow) -> None:
    for column in TIME_COLUMNS:
        cell = row.cells.get(column)
        if cell and utc_time(cell) is None:
            order.learn(column, word(cell))


def _size(found: Found) -> int:
    """Return how many characters are held for a row."""
    readings = (
        (found.cells, *found.others)
        if isinstance(found, FileRow)
        else found.readings
        if isinstance(found, DoubtfulRow)
        else ()
    )
    return sum(len(cell) for cells in readings for cell in cells.values() if cell)


def _raising(error: Exception) -> Iterator[Found]:
    yield from ()
    raise error
