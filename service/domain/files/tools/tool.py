"""What is known of a newsletter tool's export file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from service.domain.files.meanings import Meaning

Words = Mapping[str, Meaning]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool's file. Titles and words are in lower case."""

    name: str
    """As JSON and the audit log name it."""
    title: str
    """As people write it."""
    signs: tuple[frozenset[str], ...]
    """Sets of titles. One of them is there as a whole in this tool's file and in no other's."""
    whole: tuple[frozenset[str], ...] = ()
    """Headers of titles that others have too: one of them is this tool's only as a whole."""
    columns: Mapping[str, str]
    """What the titles are here. Times in `unsubscribed_at` and the like end a subscription, and
    `confirmed_from` (the network address of the click) is evidence of a confirmation."""
    words: Words = field(default_factory=dict)
    """What the words in status columns mean. `""` is an empty cell, or no such column at all."""
    column_words: Mapping[str, Words] = field(default_factory=dict)
    """The words of columns that have their own."""
    left_out: frozenset[str] = frozenset()
    """Titles that the tool is known to write and nobody here needs."""
    address_title: re.Pattern[str] | None = None
    """What the address's title has in it where titles are in the account's language."""
    active_sign: str | None = None
    """If a file has columns of ends but not this one, every row in it has ended."""
    has_opt_in_times: bool = False
    """Whether somebody who has neither time, though the file has both columns, never opted in."""
    names_files: bool = False
    """Whether a file's name says who is in it, as `unsubscribed_…` does."""
    needs: str | None = None
    """A column that says who must not be emailed. Without it nobody in the file is."""
    day_first: bool | None = None
    """How its times write 03/04/2024; None where they are ISO 8601, or nobody knows."""

    def has_written(self, titles: frozenset[str]) -> bool:
        """Tell whether a file with these titles is this tool's."""
        return titles in self.whole or any(signs <= titles for signs in self.signs)

    def words_of(self, title: str) -> Words:
        """Return what the words of a status column mean."""
        return self.column_words.get(title, self.words)
