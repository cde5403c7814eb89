"""Text lines out of a file of unknown encoding and delimiter. Memory holds one line at a time."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from service.domain.errors import InvalidInputError

MAX_LINE_BYTES = 64 * 1024
SAMPLE_BYTES = 64 * 1024
DELIMITERS = ",;\t"
WINDOWS = "cp1252"
ZIP_START = b"PK\x03\x04"
"""How a workbook begins, which is a ZIP archive (APPNOTE.TXT, section 4.3.7)."""
_NO_FILES = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"})
"""Encodings of names and of programs' source, in which no file is written."""
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",  # before the mark that it begins with
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_SEPARATOR = re.compile(r'"?sep=([,;\t])"?\s*')
"""A first line that names the delimiter, as spreadsheets write it."""


class Lines:
    """Text lines of a binary stream, counted, none longer than the limit.

    Raises `InvalidInputError` for `encoding` where the name given is of none, and for `file` where
    it is no text but a workbook.
    """

    def __init__(self, stream: IO[bytes], encoding: str | None = None) -> None:
        """Take a stream at its start. Without `encoding` it is found from the first 64 KiB."""
        self.number = 0
        self.is_too_long = False
        self._counted = _Counted(stream)
        plain: io.BufferedReader[Any] = io.BufferedReader(self._counted, SAMPLE_BYTES)
        sample = plain.peek(SAMPLE_BYTES)
        if sample.startswith(ZIP_START):
            raise InvalidInputError("file", "This is a spreadsheet (.xlsx). Save it as CSV first.")
        known = _codec(encoding, sample) if encoding else _sniffed(sample)
        if known != "utf-8":
            plain = io.BufferedReader(_Recoded(plain.read1, known), SAMPLE_BYTES)
        self._buffer: IO[bytes] = io.BufferedReader(_UnixLines(plain.read1), SAMPLE_BYTES)

    @property
    def bytes_read(self) -> int:
        """How far reading has come."""
        return self._counted.bytes_read

    def __iter__(self) -> Iterator[str]:
        """Give the lines with their ends. What is not of the encoding becomes lone surrogates."""
        while line := self._buffer.readline(MAX_LINE_BYTES):
            self.number += 1
            if self.number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if len(line) >= MAX_LINE_BYTES and not line.endswith(b"\n"):
                self._skip()
                line = b"\n"
            yield line.decode("utf-8", "surrogateescape")

    def _skip(self) -> None:
        self.is_too_long = True
        while part := self._buffer.readline(MAX_LINE_BYTES):
            if part.endswith(b"\n"):
                return


class _Counted(io.RawIOBase):
    """The stream itself, with a count of what was read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self.bytes_read += len(data)
        return len(data)


class _UnixLines(io.RawIOBase):
    """The same bytes with every line end, CR LF and the CR of old files alike, as LF."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._ready = b""
        self._has_cr = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        while not self._ready:
            data = self._read(SAMPLE_BYTES)
            if not data:
                return 0
            if self._has_cr:  # it is a line feed by now
                data = data.removeprefix(b"\n")
            self._has_cr = data.endswith(b"\r") or (self._has_cr and not data)
            if b"\r" in data:
                data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            self._ready = data
        part, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


class _Recoded(io.RawIOBase):
    """Another encoding's bytes as UTF-8. What is not of that encoding is not UTF-8 either."""

    def __init__(self, read: Callable[[int], bytes], codec: str) -> None:
        self._read = read
        self._decoder = codecs.getincrementaldecoder(codec)(
            "surrogatepass" if codec.startswith(("utf-16", "utf-32")) else "surrogateescape"
        )
        self._ready = b""
        self._is_first = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        while not self._ready:
            data = self._read(SAMPLE_BYTES)
            try:
                text = self._decoder.decode(data, final=not data)
            except UnicodeError:
                self._decoder.reset()
                text = "\udcff"
            if self._is_first:
                text = text.removeprefix("\ufeff")
                self._is_first = False
            self._ready = text.encode("utf-8", "surrogatepass")
            if not data and not self._ready:
                return 0
        part, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def _codec(name: str, sample: bytes) -> str:
    try:
        known = codecs.lookup(name)
    except (LookupError, ValueError):
        known = None
    if known is None or not known._is_text_encoding or known.name in _NO_FILES:
        raise InvalidInputError("encoding", "Use the name of an encoding, such as windows-1252.")
    if known.name in ("utf-16", "utf-32"):
        # These alone do not say in which order a character's bytes come; the file does.
        found = _sniffed(sample)
        return found if found.startswith(known.name) else f"{known.name}-le"
    return known.name


def _sniffed(sample: bytes) -> str:
    """Tell the encoding by a byte order mark, by zeros, or by what is valid UTF-8.

    A file with a stray byte in otherwise good UTF-8 is UTF-8; one without any good sequence is of
    Windows-1252, which is what spreadsheets write in the West.
    """
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8"
    for mark, codec in _MARKS.items():
        if sample.startswith(mark):
            return codec
    if sample[1:4] == b"\0\0\0":
        return "utf-32-le"
    if sample[:3] == b"\0\0\0":
        return "utf-32-be"
    if sample[1:2] == b"\0" and sample[:1] != b"\0":
        return "utf-16-le"
    if sample[:1] == b"\0" and sample[1:2] != b"\0":
        return "utf-16-be"
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(sample)
    stray = sum("\udc80" <= char <= "\udcff" for char in text)
    good = sum(char > "\x7f" for char in text) - stray
    return WINDOWS if stray > good else "utf-8"


def delimiter_of(line: str) -> tuple[str, bool]:
    """Return what separates the cells of a header line; and whether the line says only that.

    It is what makes most cells of the line, the comma where nothing does.
    """
    if found := _SEPARATOR.fullmatch(line):
        return found[1], True
    return max(DELIMITERS, key=lambda sign: len(_cells(line, sign))), False


def _cells(line: str, delimiter: str) -> Sequence[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
