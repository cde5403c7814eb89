"""A workbook as a stream (ECMA-376, part 1): rows go in, blocks of the file come out at once.

Every cell is text of its own (`inlineStr`), so that no table of strings grows and none is a
formula. Memory holds one block, whatever the number of rows.
"""

import io
import re
from collections.abc import Generator, Iterable, Sequence
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

SHEET_ROWS = 1_048_576
"""Rows of one sheet, its header among them; what follows goes onto a further sheet."""

SHEET_BYTES = 1 << 30
"""A sheet ends before it needs ZIP64, which not every spreadsheet reads in a streamed file."""

CELL_CHARS = 32_767
BLOCK_BYTES = 64 * 1024
LEVEL = 1
"""Of compression: the stream is to be as fast as it can."""

_MADE_AT = (1980, 1, 1, 0, 0, 0)
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SHEET_HEAD = f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode()
_SHEET_END = b"</sheetData></worksheet>"
# What XML cannot hold, what it would read as a line feed, and text that looks like our escape.
_ESCAPED = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


class _Sink(io.RawIOBase):
    """Where the archive is written: gathers what has not been handed on."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        block = bytes(data)  # type: ignore[call-overload]
        self._parts.append(block)
        self.size += len(block)
        return len(block)

    def take(self) -> bytes:
        """Hand on what there is."""
        block = b"".join(self._parts)
        self._parts.clear()
        self.size = 0
        return block


def workbook(
    titles: Sequence[str], rows: Iterable[Sequence[str | None]], *, sheet_rows: int = SHEET_ROWS
) -> Generator[bytes, None, None]:
    """Give the file in blocks of about 64 KiB. Each sheet begins with the titles.

    A text longer than a cell may be is cut, and ends with an ellipsis then.
    """
    sink = _Sink()
    head = _row(titles)
    count = 0
    source = iter(rows)
    with ZipFile(sink, "w") as archive:
        ahead = next(source, None)
        while ahead is not None or not count:
            count += 1
            with archive.open(_entry(f"xl/worksheets/sheet{count}.xml"), "w") as sheet:
                sheet.write(_SHEET_HEAD + head)
                lines, size = 1, 0
                while ahead is not None and lines < sheet_rows and size < SHEET_BYTES:
                    line = _row(ahead)
                    sheet.write(line)
                    lines, size = lines + 1, size + len(line)
                    ahead = next(source, None)
                    if sink.size >= BLOCK_BYTES:
                        yield sink.take()
                sheet.write(_SHEET_END)
        for name, content in _parts(count):
            archive.writestr(_entry(name), content)
    yield sink.take()


def _entry(name: str) -> ZipInfo:
    info = ZipInfo(name, _MADE_AT)
    info.compress_type = ZIP_DEFLATED
    info._compresslevel = LEVEL  # type: ignore[attr-defined]  # public only as of Python 3.13
    return info


def _row(cells: Sequence[str | None]) -> bytes:
    return f"<row>{''.join(map(_cell, cells))}</row>".encode()


def _cell(text: str | None) -> str:
    if not text:
        return "<c/>"
    if len(text) > CELL_CHARS:
        text = text[: CELL_CHARS - 1] + "…"
    if _ESCAPED.search(text):
        text = _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _parts(sheets: int) -> Iterable[tuple[str, str]]:
    """Give what binds the sheets together; it comes last, when their number is known."""
    numbers = range(1, sheets + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        for n in numbers
    )
    names = "".join(f'<sheet name="Sheet{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    targets = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    yield (
        "xl/workbook.xml",
        f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>',
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{targets}</Relationships>',
    )
    yield (
        "_rels/.rels",
        f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    )
    yield (
        "[Content_Types].xml",
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f"{overrides}</Types>",
    )
