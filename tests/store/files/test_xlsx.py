"""The workbook: every row once, every text as it was, and memory that does not grow."""

import io
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from xml.etree import ElementTree
from zipfile import ZipFile

from service.store.files.xlsx import CELL_CHARS, workbook

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def sheets(data: bytes) -> list[list[list[str]]]:
    """Read each sheet's rows."""
    found = []
    with ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - our own
        types = archive.read("[Content_Types].xml").decode()
        for number in range(1, len(book.findall(f".//{MAIN}sheet")) + 1):
            assert f"/xl/worksheets/sheet{number}.xml" in types
            root = ElementTree.fromstring(  # noqa: S314 - our own
                archive.read(f"xl/worksheets/sheet{number}.xml")
            )
            found.append(
                [
                    [cell.findtext(f".//{MAIN}t") or "" for cell in row]
                    for row in root.iter(f"{MAIN}row")
                ]
            )
    return found


def written(rows: list[list[str | None]], **options: int) -> list[list[list[str]]]:
    return sheets(b"".join(workbook(["a", "b"], rows, **options)))


def test_texts_are_as_they_were_and_never_formulas():
    texts = ["=1+1", "a & b < c", " spaces ", "two\nlines", "名前 🎉", '"']
    data = b"".join(workbook(["a"], [[text] for text in texts]))
    (sheet,) = sheets(data)
    assert sheet == [["a"], *[[text] for text in texts]]
    with ZipFile(io.BytesIO(data)) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_what_xml_cannot_hold_is_escaped_as_the_standard_says():
    assert written([["\x01\r", "_x0041_"]]) == [[["a", "b"], ["_x0001__x000D_", "_x005F_x0041_"]]]


def test_rows_beyond_a_sheet_go_onto_a_further_one_with_its_own_header():
    found = written([[str(number), None] for number in range(5)], sheet_rows=3)
    assert [[row[0] for row in sheet] for sheet in found] == [
        ["a", "0", "1"],
        ["a", "2", "3"],
        ["a", "4"],
    ]


def test_without_rows_there_is_one_sheet_with_the_header():
    assert written([]) == [[["a", "b"]]]


def test_a_text_longer_than_a_cell_is_cut_and_says_so():
    ((_, row),) = written([["x" * (CELL_CHARS + 1), ""]])
    assert len(row[0]) == CELL_CHARS
    assert row[0].endswith("x…")


def test_memory_does_not_grow_with_the_rows():
    def rows() -> Iterator[list[str | None]]:
        for number in range(50_000):
            yield [f"{sha256(str(number).encode()).hexdigest()}@example.org", "Name"]

    tracemalloc.start()
    try:
        size = sum(len(block) for block in workbook(["email", "name"], rows()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 2_000_000
    assert peak < size / 2
