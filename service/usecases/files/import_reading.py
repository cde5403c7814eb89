"""The rows of a file as they come in, each with its line, whatever the file holds.

A line that is too long, of another encoding or wrongly quoted is one bad row: reading goes on after
it. Memory holds one row at a time.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any, Self

from service.domain.errors import InvalidInputError
from service.domain.files.columns import (
    NOTHING_CHOSEN,
    OWN_COLUMNS,
    SHOWN_TITLES,
    ColumnChoices,
    ColumnsError,
    Plan,
    plan_of,
    quoted,
)
from service.domain.files.exchange import GUARD, GUARDED_COLUMNS, FileFormat, unguard
from service.domain.files.titles import title_key
from service.domain.files.tools import tool_of
from service.domain.files.translate import SkippedRowError, Translator
from service.domain.files.words import beginning, shown_words
from service.domain.text import check_json
from service.usecases.files.import_csv import TOO_LONG, CsvRows, Record
from service.usecases.files.import_text import Lines

SAMPLE_ROWS = 1_000
"""How many rows are looked at for what is written in a column."""
MAX_PLANS = 100

Cells = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why the row that begins at `line` was not taken. Cells are not repeated."""

    line: int
    column: str | None
    message: str
    file: str | None = None
    """Which file of an archive it is in."""


@dataclass(frozen=True, slots=True)
class RowSkipped:
    """Why the row that begins at `line` is valid and not imported."""

    line: int
    message: str


@dataclass(slots=True)
class FileRow:
    """A row's cells by column, as the file has them."""

    line: int
    cells: Cells
    others: Sequence[Cells] = ()
    """Other ways to read it, if this one is invalid."""


@dataclass(frozen=True, slots=True)
class DoubtfulRow:
    """A row that is not well-formed. It counts only if it says that somebody unsubscribed."""

    problem: RowProblem
    readings: Sequence[Cells]
    """Its cells, in each way in which it can be read; the likeliest first."""


Found = FileRow | DoubtfulRow | RowProblem | RowSkipped


class ImportFile:
    """A file to import: `open` says what its columns are, `rows` gives its rows. Read it once."""

    def __init__(
        self,
        stream: IO[bytes],
        format_: FileFormat,
        *,
        encoding: str | None = None,
        choices: ColumnChoices = NOTHING_CHOSEN,
        name: str | None = None,
    ) -> None:
        """Take a binary stream at its start; `name` is that of a file in an archive.

        Raises `InvalidInputError` as `Lines` does.
        """
        self.name = name
        self._lines = Lines(stream, encoding)
        self._format = format_
        self._choices = choices
        self.plan: Plan | None = None
        """What the columns are, once `open` was called; None for NDJSON, where each row says it."""
        self._csv: CsvRows | None = None

    @property
    def bytes_read(self) -> int:
        """How far reading has come."""
        return self._lines.bytes_read

    def open(self) -> Self:
        """Read the header.

        Raises `InvalidInputError` for `file` where it is of no use, as `ColumnsError` where nobody
        explained a column.
        """
        if self._format is FileFormat.CSV:
            self._csv = CsvRows(self._lines)
            self.plan = self._planned(self._csv)
        return self

    def rows(self) -> Iterator[Found]:
        """Give each row, or what is wrong with it. Raises as `open` does, unless it was called."""
        if self._format is not FileFormat.CSV:
            return self._ndjson_rows()
        if self._csv is None or self.plan is None:
            return self.open().rows()
        is_plain = self.plan.is_plain and not self._choices.is_part
        return _csv_rows(self._csv, self.plan, is_plain=is_plain)

    def beginning(self) -> tuple[list[str], Iterator[list[str]]]:
        """Return a CSV file's titles and its well-formed rows, whatever the columns are.

        Raises `InvalidInputError` for `file` where there is no header.
        """
        rows = CsvRows(self._lines)
        return _titles(rows), _well_formed(rows)

    def _planned(self, rows: CsvRows) -> Plan:
        titles = _titles(rows)
        try:
            return plan_of(
                titles, self._choices, tool=tool_of([title_key(each) for each in titles])
            )
        except ColumnsError as error:
            sample = list(beginning(_well_formed(rows), SAMPLE_ROWS))
            words = {
                title: shown_words(sample, titles.index(title))
                for title in error.leaving[:SHOWN_TITLES]
            }
            raise error.with_words(words) from None

    def _ndjson_rows(self) -> Iterator[Found]:
        plans = _Plans(self._choices)
        for text in self._lines:
            line = self._lines.number
            if self._lines.is_too_long:
                self._lines.is_too_long = False
                yield RowProblem(line, None, TOO_LONG)
            elif text.strip():
                try:
                    cells = _json_cells(text)
                    translator = plans.of(tuple(cells))
                except InvalidInputError as error:
                    yield RowProblem(line, error.field or None, str(error))
                    continue
                if translator is not None:
                    yield _translated(line, translator, [cell or "" for cell in cells.values()])
                else:
                    yield FileRow(line, cells)


class _Plans:
    """What the keys of JSON rows are: few sets of keys in one file, so each is looked up once."""

    def __init__(self, choices: ColumnChoices) -> None:
        self._choices = choices
        self._known: dict[tuple[str, ...], Translator | None] = {}

    def of(self, keys: tuple[str, ...]) -> Translator | None:
        """Return the translator of rows with these keys; None where all are our own.

        Raises `InvalidInputError` where nobody explained a key, or none is the address.
        """
        if keys not in self._known:
            if len(self._known) >= MAX_PLANS:
                self._known.clear()
            self._known[keys] = self._made(keys)
        return self._known[keys]

    def _made(self, keys: tuple[str, ...]) -> Translator | None:
        here = {title_key(key) for key in keys}
        chosen = {key: choice for key, choice in self._choices.columns.items() if key in here}
        if OWN_COLUMNS.issuperset(keys) and not chosen:
            return None
        try:
            return Translator(plan_of(keys, replace(self._choices, columns=chosen)))
        except ColumnsError as error:
            shown = quoted(key for key in (*error.leaving, *error.others) if "@" not in key)
            raise InvalidInputError(
                "", f"has unknown keys ({shown}); say what they are with a mapping"
            ) from None


def _titles(rows: CsvRows) -> list[str]:
    if not rows.titles:
        raise InvalidInputError(
            "file",
            "The file has no header line. Write the names of the columns into the first line.",
        )
    if any("@" in title for title in rows.titles):
        # It must not be repeated.
        raise InvalidInputError(
            "file",
            "The first line contains an email address. Write the names of the columns into the "
            "first line.",
        )
    return rows.titles


def _well_formed(rows: CsvRows) -> Iterator[list[str]]:
    return (row.cells for row in rows if row.doubt is None)


def _csv_rows(rows: CsvRows, plan: Plan, *, is_plain: bool) -> Iterator[Found]:
    columns = [title_key(title) for title in plan.titles]
    rows.used = set(plan.titles) - set(plan.left_out)
    translator = None if is_plain else Translator(plan)

    def read(line: int, cells: list[str]) -> FileRow | RowProblem | RowSkipped:
        if translator is not None:
            return _translated(line, translator, cells)
        return FileRow(line, _unguarded(dict(zip(columns, cells, strict=True))))

    for record in rows:
        if record.doubt is not None or record.readings:
            yield _unclear(record, read)
        elif translator is None and GUARD not in "".join(record.cells):
            yield FileRow(record.line, dict(zip(columns, record.cells, strict=True)))
        else:
            yield read(record.line, record.cells)


def _unclear(
    record: Record, read: Callable[[int, list[str]], FileRow | RowProblem | RowSkipped]
) -> Found:
    """Read a row in each way in which it can be read."""
    found = [read(record.line, cells) for cells in record.readings]
    readings = [row.cells for row in found if isinstance(row, FileRow)]
    if record.doubt is not None:
        return DoubtfulRow(RowProblem(record.line, record.column, record.doubt), readings)
    row = read(record.line, record.cells)
    if isinstance(row, RowProblem):
        return DoubtfulRow(row, readings)
    return replace(row, others=readings) if isinstance(row, FileRow) else row


def _translated(
    line: int, translator: Translator, row: Sequence[str]
) -> FileRow | RowProblem | RowSkipped:
    try:
        return FileRow(line, _unguarded(translator.row(row)))
    except SkippedRowError:
        return RowSkipped(line, "never subscribed in the other tool")
    except InvalidInputError as error:
        return RowProblem(line, error.field, str(error))


def _unguarded(cells: Cells) -> Cells:
    for name in GUARDED_COLUMNS:
        cell = cells.get(name)
        if cell and GUARD in cell:
            cells[name] = unguard(cell)
    return cells


def _json_cells(text: str) -> Cells:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInputError("", "is not JSON") from None
    if not isinstance(value, dict):
        raise InvalidInputError("", "is not a JSON object")
    return {name: _json_cell(name, cell) for name, cell in value.items()}


def _json_cell(name: str, cell: Any) -> str | None:
    if isinstance(cell, dict | list):
        check_json(name, cell)
        return json.dumps(cell)
    if cell is None or isinstance(cell, str):
        return cell
    if name in OWN_COLUMNS:
        raise InvalidInputError(name, "is not text")
    return json.dumps(cell)
