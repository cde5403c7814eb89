"""The rows of a file as they come in, each with its line, whatever the file holds.

A line that is too long, not UTF-8 or wrongly quoted is one bad row: reading goes on after it.
Memory holds one row at a time.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from service.domain.errors import InvalidInputError
from service.domain.exchange import (
    EXPORT_COLUMNS,
    EXTRA_COLUMNS,
    GUARDED_COLUMNS,
    FileFormat,
    unguard,
)

MAX_LINE_BYTES = 64 * 1024
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


class _Lines:
    """Text lines of a binary stream, counted, none longer than the limit."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.number = 0
        self.bytes_read = 0
        self.is_too_long = False

    def __iter__(self) -> Iterator[str]:
        while line := self._stream.readline(MAX_LINE_BYTES):
            self.number += 1
            self.bytes_read += len(line)
            if self.number == 1:
                line = _without_mark(line)
            if len(line) >= MAX_LINE_BYTES and not line.endswith(b"\n"):
                self._skip()
                line = b"\n"
            # What is not UTF-8 becomes lone surrogates, which no row may hold.
            yield line.decode("utf-8", "surrogateescape")

    def _skip(self) -> None:
        self.is_too_long = True
        while part := self._stream.readline(MAX_LINE_BYTES):
            self.bytes_read += len(part)
            if part.endswith(b"\n"):
                return


class ImportFile:
    """A file to import: `rows` gives its rows and problems in order. To be read once."""

    def __init__(self, stream: IO[bytes], format_: FileFormat) -> None:
        """Take a binary stream at its start."""
        self._lines = _Lines(stream)
        self._format = format_

    @property
    def bytes_read(self) -> int:
        """How far reading has come."""
        return self._lines.bytes_read

    def rows(self) -> Iterator[FileRow | RowProblem]:
        """Give each row, or what is wrong with it.

        Raises `InvalidInputError` for `file` where the file as a whole is not one of ours.
        """
        return self._csv_rows() if self._format is FileFormat.CSV else self._ndjson_rows()

    def _csv_rows(self) -> Iterator[FileRow | RowProblem]:
        # Strict: a quote in the wrong place is an error and does not swallow what follows.
        reader = csv.reader(self._lines, strict=True)
        try:
            header = next(reader, None)
        except csv.Error:
            header = None
        if self._lines.is_too_long:
            raise InvalidInputError("file", "The first line is too long for a header.")
        columns = _checked_header(header)
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
                yield FileRow(
                    line,
                    {
                        name: unguard(cell) if name in GUARDED_COLUMNS else cell
                        for name, cell in zip(columns, row, strict=True)
                    },
                )
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


def _without_mark(line: bytes) -> bytes:
    """Drop a UTF-8 byte order mark; refuse UTF-16, which has its own."""
    if line.startswith((b"\xff\xfe", b"\xfe\xff")) or line[1:2] == b"\0":
        raise InvalidInputError("file", "The file is UTF-16: save it as UTF-8.")
    return line.removeprefix(b"\xef\xbb\xbf")


def _checked_header(header: list[str] | None) -> list[str]:
    if not header:
        raise InvalidInputError("file", "The file has no header line.")
    columns = [name.strip().lower() for name in header]
    if len(columns) == 1 and any(sign in columns[0] for sign in ";\t"):
        raise InvalidInputError("file", "The columns are not separated by commas.")
    if unknown := sorted(set(columns) - KNOWN_COLUMNS):
        # A file without a header has an address here, which must not be repeated.
        shown = [name for name in unknown if name.replace("_", "").isalpha() and len(name) < 32]
        detail = f": {', '.join(shown)}" if shown else " (is there a header line?)"
        raise InvalidInputError("file", f"The header has unknown columns{detail}.")
    if "email" not in columns:
        raise InvalidInputError("file", "The header has no column email.")
    if len(set(columns)) < len(columns):
        raise InvalidInputError("file", "The header names a column twice.")
    return columns


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
        return json.dumps(cell)
    if cell is None or isinstance(cell, str):
        return cell
    raise InvalidInputError(name, "is not text")
