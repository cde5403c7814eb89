"""The columns of a file before it is imported: what they are taken for, and what is in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

from service.domain.files.columns import Choice, known_choices
from service.domain.files.exchange import FileFormat
from service.domain.files.meanings import Meaning, explained
from service.domain.files.titles import may_tell_who_left, title_key
from service.domain.files.tools import tool_of
from service.domain.files.words import MAX_WORDS, beginning, words_as_written, words_in
from service.usecases.files.import_archive import parts_of
from service.usecases.files.import_reading import ImportFile

PREVIEW_ROWS = 20_000
"""How many rows are looked at for the words of a status."""
SHOWN_ROWS = 3
MAX_COLUMNS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class WordPreview:
    """A word of a status column; `meaning` None where nobody knows."""

    word: str
    text: str
    """As it is written first."""
    rows: int
    meaning: Meaning | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPreview:
    """A column; `target` None where somebody has to say what it is."""

    title: str
    cells: tuple[str, ...]
    target: str | None
    is_about_leaving: bool
    words: tuple[WordPreview, ...]
    """Where there are few different ones: it may be a status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A file's columns. `tool` is whose file it is taken for, as people write it."""

    tool: str | None
    is_known: bool
    """Whether anything is known of any column."""
    columns: tuple[ColumnPreview, ...]


def preview(
    stream: IO[bytes], *, encoding: str | None = None, chosen: Mapping[str, Choice]
) -> Preview:
    """Look at the beginning of a CSV file, or of the last one in an archive.

    `chosen` is what was said of columns, by `title_key`.

    Raises `InvalidInputError` for `file` where it has no header.
    """
    with parts_of(stream) as parts:
        file = ImportFile(parts[-1].stream, FileFormat.CSV, encoding=encoding)
        titles, found = file.beginning()
        rows = list(beginning(found, PREVIEW_ROWS))
    tool = tool_of([title_key(title) for title in titles])
    known = known_choices(titles, tool)
    columns = []
    for number, title in enumerate(titles[:MAX_COLUMNS]):
        choice = chosen.get(title_key(title)) or known[number]
        is_about_leaving = may_tell_who_left(title)
        words: list[WordPreview] = []
        counts = words_in(rows, number)
        if len(counts) <= MAX_WORDS:
            written = words_as_written(rows, number)
            of_choice = choice.words if choice else {}
            words = [
                WordPreview(
                    word=word,
                    text=written.get(word, word),
                    rows=count,
                    meaning=explained(word, of_choice, is_of_tool=tool is not None),
                )
                for word, count in counts.most_common()
            ]
        columns.append(
            ColumnPreview(
                title=title,
                cells=tuple(row[number] for row in rows[:SHOWN_ROWS] if number < len(row)),
                target=choice.target if choice else None,
                is_about_leaving=is_about_leaving,
                words=tuple(words),
            )
        )
    return Preview(
        tool=tool.title if tool else None,
        is_known=bool(chosen) or any(known) or any(map(may_tell_who_left, titles)),
        columns=tuple(columns),
    )
