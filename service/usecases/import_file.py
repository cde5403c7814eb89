"""The rows of a file as they come in, each with its line, whatever the file holds.

A line that is too long, of another encoding or wrongly quoted is one bad row: reading goes on after
it. Memory holds one row at a time.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any

from service.domain.errors import InvalidInputError
from service.domain.exchange import (
    EXPORT_COLUMNS,
    EXTRA_COLUMNS,
    GUARD,
    GUARDED_COLUMNS,
    FileFormat,
    unguard,
)
from service.domain.foreign import Tool, tool_of, translated
from service.domain.text import check_json
from service.usecases.import_text import MAX_LINE_BYTES, Lines, delimiter_of

EVIDENCE_COLUMNS = ("consent_at", "consent_source")
KNOWN_COLUMNS = frozenset(EXPORT_COLUMNS + EXTRA_COLUMNS + EVIDENCE_COLUMNS)

Cells = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why the row that begins at `line` was not taken. Cells are not repeated."""

    line: int
    column: str | None
    message: str


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row's cells by column, as the file has them."""

    line: int
    cells: Cells


class ImportFile:
    """A file to import: `rows` gives its rows and problems in order. To be read once."""

    def __init__(
        self, stream: IO[bytes], format_: FileFormat, *, encoding: str | None = None
    ) -> None:
        """Take a binary stream at its start. Raises `InvalidInputError` as `Lines` does."""
        self._lines = Lines(stream, encoding)
        self._format = format_

    @property
    def bytes_read(self) -> int:
        """How far reading has come."""
        return self._lines.bytes_read

    def rows(self) -> Iterator[FileRow | RowProblem]:
        """Give each row, or what is wrong with it.

        A file is told by its header: ours, or one of the tools in `domain/foreign.py`. Raises
        `InvalidInputError` for `file` where it is none of them.
        """
        return self._csv_rows() if self._format is FileFormat.CSV else self._ndjson_rows()

    def _csv_rows(self) -> Iterator[FileRow | RowProblem]:
        lines = iter(self._lines)
        first = next(lines, "")
        delimiter, says_only_that = delimiter_of(first)
        source = lines if says_only_that else chain([first], lines)
        # Strict: a quote in the wrong place is an error and does not swallow what follows.
        reader = csv.reader(source, delimiter=delimiter, strict=True)
        try:
            header = next(reader, None)
        except csv.Error:
            header = None
        if self._lines.is_too_long:
            raise InvalidInputError("file", "The first line is too long for a header.")
        columns, tool = _checked_header(header)
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
                yield _row(line, dict(zip(columns, row, strict=True)), tool)
            elif row:
                yield RowProblem(
                    line, None, f"has {len(row)} cells where the header has {len(columns)}"
                )

    def _ndjson_rows(self) -> Iterator[FileRow | RowProblem]:
        for text in self._lines:
            line = self._lines.number
            if self._lines.is_too_long:
                self._lines.is_too_long = False
                yield RowProblem(line, None, f"is longer than {MAX_LINE_BYTES} bytes")
            elif text.strip():
                try:
                    yield FileRow(line, _json_cells(text))
                except InvalidInputError as error:
                    yield RowProblem(line, error.field or None, str(error))


def _row(line: int, cells: Cells, tool: Tool | None) -> FileRow | RowProblem:
    if tool is not None:
        try:
            cells = translated(tool, cells)
        except InvalidInputError as error:
            return RowProblem(line, error.field, str(error))
    for name in GUARDED_COLUMNS:
        cell = cells.get(name)
        if cell and cell[0] == GUARD:
            cells[name] = unguard(cell)
    return FileRow(line, cells)


def _checked_header(header: list[str] | None) -> tuple[list[str], Tool | None]:
    if not header:
        raise InvalidInputError("file", "The file has no header line.")
    columns = [name.strip().lower() for name in header]
    tool = tool_of(columns)
    if len(set(columns)) < len(columns) and tool is None:
        raise InvalidInputError("file", "The header names a column twice.")
    if tool is not None:
        return columns, tool
    if unknown := sorted(set(columns) - KNOWN_COLUMNS):
        # A file without a header has an address here, which must not be repeated.
        shown = [name for name in unknown if name.replace("_", "").isalpha() and len(name) < 32]
        detail = f": {', '.join(shown)}" if shown else " (is there a header line?)"
        raise InvalidInputError("file", f"The header has unknown columns{detail}.")
    if "email" not in columns:
        raise InvalidInputError("file", "The header has no column email.")
    return columns, None


def _json_cells(text: str) -> Cells:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInputError("", "is not JSON") from None
    if not isinstance(value, dict):
        raise InvalidInputError("", "is not a JSON object")
    if value.keys() - KNOWN_COLUMNS:
        raise InvalidInputError("", "has unknown keys")
    return {name: _json_cell(name, cell) for name, cell in value.items()}


def _json_cell(name: str, cell: Any) -> str | None:
    if name == "attributes" and isinstance(cell, dict):
        check_json(name, cell)
        return json.dumps(cell)
    if cell is None or isinstance(cell, str):
        return cell
    raise InvalidInputError(name, "is not text")
