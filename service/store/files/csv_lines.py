"""CSV as PostgreSQL's COPY writes it, so that a file is the same from both databases."""

import re

_NEEDS_QUOTES = re.compile('[",\r\n]')


def csv_line(cells: list[str | None]) -> str:
    """Write a line byte for byte as PostgreSQL's COPY … CSV does."""
    if cells == ["\\."]:
        return '"\\."\n'
    return ",".join([_csv_cell(cell) for cell in cells]) + "\n"


def _csv_cell(cell: str | None) -> str:
    if cell is None:
        return ""
    if cell == "" or _NEEDS_QUOTES.search(cell):
        return '"' + cell.replace('"', '""') + '"'
    return cell
