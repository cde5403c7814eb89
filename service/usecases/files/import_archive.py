"""The files that an import is made of: one, or those of a ZIP archive (APPNOTE.TXT 6.3).

Mailchimp exports an archive of several files, and says only by their names that the people in one
of them never subscribed. Nothing is unpacked to a path: members are read in place, once their
number, size and checksums are known to be what they say.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from tempfile import SpooledTemporaryFile
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from service.domain.errors import InvalidInputError
from service.domain.files.columns import ColumnChoices, quoted
from service.domain.files.exchange import FileFormat
from service.domain.files.meanings import Meaning
from service.domain.files.titles import title_key
from service.usecases.files.import_reading import ImportFile

ARCHIVE_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
"""How an archive with and without members begins."""

MAX_ARCHIVE_BYTES = 256 << 20
MAX_UNPACKED_BYTES = 4 << 30
MAX_MEMBERS = 100
MAX_DIRECTORY_BYTES = 1 << 20
"""Of the table of members, all of which is read into memory."""
MAX_RATIO = 200
"""A table of people is seldom packed to less than a twentieth. Small members may be."""
SMALL_BYTES = 10 << 20
IN_MEMORY_BYTES = 1 << 20
MAX_NAME_LENGTH = 100
BLOCK_BYTES = 64 * 1024

SEVERAL_FILES = (
    "The ZIP archive contains several files that are not a Mailchimp export. "
    "Unpack it and import each file."
)
_END = struct.Struct("<4s4H2LH")
"""The record at the end of an archive (4.3.16); its sixth field is the table's size."""
_END_START = b"PK\x05\x06"
_LOCATOR_START = b"PK\x06\x07"
"""Of ZIP64 (4.3.15), which another record of the table's size comes with."""
_LOCATOR_BYTES = 20
_WORKBOOK = "[Content_Types].xml"
_ENCRYPTED = 0x1
_MEANINGS = {
    "subscribed": None,
    "unsubscribed": Meaning.UNSUBSCRIBED,
    "cleaned": Meaning.BOUNCED,
    "nonsubscribed": Meaning.SKIPPED,
    "transactional": Meaning.SKIPPED,
}
_NAME = re.compile(rf"({'|'.join(_MEANINGS)})(?![a-z])")


@dataclass(frozen=True, slots=True)
class Part:
    """One file. `name` is None where there is no archive."""

    name: str | None
    stream: IO[bytes]

    @property
    def meaning(self) -> Meaning | None:
        """What Mailchimp says of everyone in a file by its name, beyond what its columns say."""
        found = _NAME.match((self.name or "").casefold())
        return _MEANINGS[found[1]] if found else None


@contextmanager
def parts_of(stream: IO[bytes]) -> Iterator[list[Part]]:
    """Give the files of a stream: itself, or those of an archive, who left before the others.

    Raises `InvalidInputError` for `file` where it is a workbook, or an archive that is damaged, too
    large, encrypted, or holds several files that are not an export of Mailchimp's.
    """
    start = stream.read(len(ARCHIVE_STARTS[0]))
    whole = _put_back(start, stream)
    if start not in ARCHIVE_STARTS:
        yield [Part(None, whole)]
        return
    with ExitStack() as stack:
        spool = stack.enter_context(_spooled(whole))
        _check_directory(spool)
        try:
            archive = stack.enter_context(ZipFile(spool))
            members = _checked(archive)
            parts = [
                Part(_base(member), stack.enter_context(archive.open(member))) for member in members
            ]
        # `zipfile` has the second for a compression that it does not know.
        except (BadZipFile, NotImplementedError, zlib.error, EOFError, ValueError, OSError):
            raise InvalidInputError(
                "file", "The ZIP archive is damaged. Download it again, or unpack it."
            ) from None
        yield sorted(parts, key=lambda part: part.meaning is None)


def opened_files(
    parts: Sequence[Part], format_: FileFormat, *, encoding: str | None, choices: ColumnChoices
) -> list[ImportFile]:
    """Read the headers of all files, so that nothing is taken where one of them is of no use.

    Raises `InvalidInputError` as `ImportFile` does, and where several files are not Mailchimp's.
    """
    is_archive = parts[0].name is not None
    if is_archive and format_ is not FileFormat.CSV:
        raise InvalidInputError("file", "A ZIP archive contains CSV files. Use format=csv.")
    files = [
        ImportFile(
            part.stream,
            format_,
            encoding=encoding,
            choices=replace(choices, named=part.meaning, is_part=is_archive),
            name=part.name,
        ).open()
        for part in parts
    ]
    plans = [file.plan for file in files if file.plan is not None]
    if len(files) > 1 and not all(plan.tool and plan.tool.names_files for plan in plans):
        raise InvalidInputError("file", SEVERAL_FILES)
    titles = {title_key(title) for plan in plans for title in plan.titles}
    if is_archive and (missing := choices.columns.keys() - titles):
        raise InvalidInputError("map", f"No file has a column {quoted(sorted(missing))}.")
    return files


class _PutBack(io.RawIOBase):
    """A stream with its first bytes in front again."""

    def __init__(self, start: bytes, stream: IO[bytes]) -> None:
        self._start = start
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        # Together, so that a reader that looks ahead sees as much as in a plain stream.
        data = self._start[: len(buffer)]
        self._start = self._start[len(data) :]
        data += self._stream.read(len(buffer) - len(data))
        buffer[: len(data)] = data
        return len(data)


def _put_back(start: bytes, stream: IO[bytes]) -> IO[bytes]:
    return _PutBack(start, stream)  # type: ignore[return-value]  # only its `read` is used


@contextmanager
def _spooled(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """Keep an archive while it is read, for what is in it stands at its end."""
    with SpooledTemporaryFile(IN_MEMORY_BYTES) as spool:
        while block := stream.read(BLOCK_BYTES):
            spool.write(block)
            if spool.tell() > MAX_ARCHIVE_BYTES:
                raise InvalidInputError(
                    "file", "The ZIP archive is too large. Unpack it and import each file."
                )
        spool.seek(0)
        yield spool


def _check_directory(spool: IO[bytes]) -> None:
    """Refuse a table of members that is too long, wherever a reader may take its end for."""
    size = spool.seek(0, io.SEEK_END)
    start = max(0, size - (1 << 16) - _END.size - _LOCATOR_BYTES)
    spool.seek(start)
    tail = spool.read()
    spool.seek(0)
    for found in re.finditer(re.escape(_END_START), tail):
        record = tail[found.start() : found.start() + _END.size]
        is_long = len(record) == _END.size and _END.unpack(record)[5] > MAX_DIRECTORY_BYTES
        before = tail[max(0, found.start() - _LOCATOR_BYTES) : found.start()]
        if is_long or before.startswith(_LOCATOR_START):
            raise InvalidInputError(
                "file", "The ZIP archive contains too many files. Unpack it and import each file."
            )


def _checked(archive: ZipFile) -> list[ZipInfo]:
    """Return the members to import, each read once to its end."""
    infos = archive.infolist()
    if any(name == _WORKBOOK or name.startswith("xl/") for name in archive.namelist()):
        raise InvalidInputError("file", "This is a spreadsheet (.xlsx). Save it as CSV first.")
    if len(infos) > MAX_MEMBERS:
        raise InvalidInputError(
            "file", "The ZIP archive contains too many files. Unpack it and import each file."
        )
    members = [info for info in infos if _is_table(info)]
    if not members:
        raise InvalidInputError("file", "The ZIP archive contains no CSV file.")
    if sum(info.file_size for info in members) > MAX_UNPACKED_BYTES:
        raise InvalidInputError(
            "file", "The ZIP archive is too large when unpacked. Import smaller files."
        )
    for info in members:
        _check(info)
    names = [_base(info).casefold() for info in members]
    if len(members) > 1 and (len(set(names)) < len(names) or not all(map(_NAME.match, names))):
        raise InvalidInputError("file", SEVERAL_FILES)
    for info in members:
        with archive.open(info) as member:
            while member.read(BLOCK_BYTES):
                pass  # the checksum is compared at the end
    return members


def _is_table(info: ZipInfo) -> bool:
    base = _base(info)
    is_hidden = info.filename.startswith("__MACOSX/") or base.startswith(".")
    return not info.is_dir() and not is_hidden and base.casefold().endswith((".csv", ".tsv"))


def _check(info: ZipInfo) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise InvalidInputError("file", "The ZIP archive is encrypted. Unpack it first.")
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise InvalidInputError(
            "file", "The ZIP archive uses an unknown compression. Unpack it and import each file."
        )
    if info.file_size > max(SMALL_BYTES, MAX_RATIO * info.compress_size):
        raise InvalidInputError(
            "file", "The ZIP archive unpacks to far more than a list of people."
        )


def _base(info: ZipInfo) -> str:
    """Return a member's name without its folders, fit to be shown. It is never opened by it."""
    base = re.split(r"[/\\]", info.filename)[-1][-MAX_NAME_LENGTH:]
    return "".join(char if char.isprintable() else "?" for char in base)
