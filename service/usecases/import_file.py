"""The rows of a file as they come in, each with its line, whatever the file holds.

A line that is too long, of another encoding or wrongly quoted is one bad row: reading goes on after
it. Memory holds one row at a time.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any

from service.domain.errors import InvalidInputError
from service.domain.exchange import GUARD, GUARDED_COLUMNS, FileFormat, unguard
from service.domain.files.columns import (
    NOTHING_CHOSEN,
    OWN_COLUMNS,
    ColumnChoices,
    ColumnsError,
    Plan,
    plan_of,
    quoted,
)
from service.domain.files.titles import title_key
from service.domain.files.tools import tool_of
from service.domain.files.translate import SkippedRowError, Translator, own_status
from service.domain.files.words import shown_words
from service.domain.text import check_json
from service.usecases.import_text import MAX_LINE_BYTES, Lines, delimiter_of

if TYPE_CHECKING:
    from _csv import Reader

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


@dataclass(frozen=True, slots=True)
class RowSkipped:
    """Why the row that begins at `line` is right and not imported."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row's cells by column, as the file has them."""

    line: int
    cells: Cells


Found = FileRow | RowProblem | RowSkipped


class ImportFile:
    """A file to import: `open` says what its columns are, `rows` gives its rows. Read it once."""

    def __init__(
        self,
        stream: IO[bytes],
        format_: FileFormat,
        *,
        encoding: str | None = None,
        choices: ColumnChoices = NOTHING_CHOSEN,
    ) -> None:
        """Take a binary stream at its start. Raises `InvalidInputError` as `Lines` does."""
        self._lines = Lines(stream, encoding)
        self._format = format_
        self._choices = choices
        self.plan: Plan | None = None
        """What the columns are; None for NDJSON, in which each row names its own."""

    @property
    def bytes_read(self) -> int:
        """How far reading has come."""
        return self._lines.bytes_read

    def rows(self) -> Iterator[Found]:
        """Give each row, or what is wrong with it.

        The header is read at once. Raises `InvalidInputError` for `file` where it is of no use, as
        `ColumnsError` where nobody explained a column.
        """
        if self._format is not FileFormat.CSV:
            return self._ndjson_rows()
        reader = self._reader()
        self.plan = self._planned(reader)
        return self._csv_rows(reader, self.plan)

    def beginning(self) -> tuple[list[str], Iterator[list[str]]]:
        """Return a CSV file's titles and its well-formed rows, whatever the columns are.

        Raises `InvalidInputError` for `file` where there is no header.
        """
        reader = self._reader()
        return self._titles(reader), _well_formed(reader)

    def _reader(self) -> "Reader":
        lines = iter(self._lines)
        first = next(lines, "")
        delimiter, says_only_that = delimiter_of(first)
        source = lines if says_only_that else chain([first], lines)
        # Strict: a quote in the wrong place is an error and does not swallow what follows.
        return csv.reader(source, delimiter=delimiter, strict=True)

    def _titles(self, reader: "Reader") -> list[str]:
        try:
            header = next(reader, None)
        except csv.Error:
            header = None
        if self._lines.is_too_long:
            raise InvalidInputError("file", "The first line is too long for a header.")
        if not header or not any(title.strip() for title in header):
            raise InvalidInputError("file", "The file has no header line.")
        if any("@" in title for title in header):
            # It must not be repeated.
            raise InvalidInputError(
                "file",
                "The first line holds an email address: is there a header line? Write the names "
                "of the columns into the first line.",
            )
        return [title.strip() for title in header]

    def _planned(self, reader: "Reader") -> Plan:
        titles = self._titles(reader)
        try:
            return plan_of(
                titles, self._choices, tool=tool_of([title_key(each) for each in titles])
            )
        except ColumnsError as error:
            rows = list(islice(_well_formed(reader), SAMPLE_ROWS))
            words = {title: shown_words(rows, titles.index(title)) for title in error.leaving}
            raise error.with_words(words) from None

    def _csv_rows(self, reader: "Reader", plan: Plan) -> Iterator[Found]:
        columns = [title_key(title) for title in plan.titles]
        translator = None if plan.is_plain else Translator(plan)
        while True:
            line = self._lines.number + 1
            self._lines.is_too_long = False
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield RowProblem(line, None, "is not well-formed CSV (quotes)")
                continue
            if self._lines.is_too_long:
                yield RowProblem(line, None, f"is longer than {MAX_LINE_BYTES} bytes")
            elif len(row) == len(columns):
                if translator is not None:
                    yield _translated(line, translator, row)
                else:
                    yield _own_row(line, dict(zip(columns, row, strict=True)))
            elif row:
                yield RowProblem(
                    line, None, f"has {len(row)} cells where the header has {len(columns)}"
                )

    def _ndjson_rows(self) -> Iterator[Found]:
        plans = _Plans(self._choices)
        for text in self._lines:
            line = self._lines.number
            if self._lines.is_too_long:
                self._lines.is_too_long = False
                yield RowProblem(line, None, f"is longer than {MAX_LINE_BYTES} bytes")
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
                    own_status(cells)
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


def _well_formed(reader: "Reader") -> Iterator[list[str]]:
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue


def _own_row(line: int, cells: Cells) -> FileRow:
    own_status(cells)
    return FileRow(line, _unguarded(cells))


def _translated(line: int, translator: Translator, row: Sequence[str]) -> Found:
    try:
        return FileRow(line, _unguarded(translator.row(row)))
    except SkippedRowError:
        return RowSkipped(line, "never subscribed in the other tool")
    except InvalidInputError as error:
        return RowProblem(line, error.field, str(error))


def _unguarded(cells: Cells) -> Cells:
    for name in GUARDED_COLUMNS:
        cell = cells.get(name)
        if cell and cell[0] == GUARD:
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
