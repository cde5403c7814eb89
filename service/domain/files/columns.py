"""What each column of a file means: by the mapping given, by the tool, or by its title.

Columns of other files have further meanings beside those of an export (`EXPORT_COLUMNS`): parts of
a name, tags, and times that say by being there that somebody left.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from service.domain.errors import InvalidInputError
from service.domain.files.exchange import EXPORT_COLUMNS, EXTRA_COLUMNS
from service.domain.files.meanings import ENDED, Meaning, plain, strongest
from service.domain.files.titles import PLAIN_TITLES, may_tell_who_left, title_key
from service.domain.files.tools.tool import Tool

EVIDENCE_COLUMNS = ("consent_at", "consent_source")
OWN_COLUMNS = frozenset(EXPORT_COLUMNS + EXTRA_COLUMNS + EVIDENCE_COLUMNS)

SHOWN_TITLES = 20
MAX_SHOWN_LENGTH = 60
"""What an error shows of a file's titles."""

IGNORE = "ignore"
"""The column is left out."""
ATTRIBUTE = "attribute"
"""The cell is kept among the attributes, under the column's title."""

ENDS = {
    "unsubscribed_at": Meaning.UNSUBSCRIBED,
    "bounced_at": Meaning.BOUNCED,
    "complained_at": Meaning.COMPLAINED,
}
"""Columns in which anything at all says that the subscription ended; the cell says when."""

TARGETS = (
    "email",
    "name",
    "first_name",
    "last_name",
    "status",
    *ENDS,
    "list",
    "locale",
    "tags",
    "attributes",
    "source",
    "requested_at",
    "confirmed_at",
    "consent_source",
    "ended_at",
    ATTRIBUTE,
    IGNORE,
)
"""What a column can be said to be."""

SEVERAL = frozenset({"status", "tags", ATTRIBUTE, IGNORE, *ENDS})
"""What more than one column of a file can be."""


class UnknownColumns(StrEnum):
    """What to do with columns that neither their title nor a mapping explains."""

    REFUSE = "refuse"
    IGNORE = "ignore"
    ATTRIBUTES = "attributes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a column is, and what its words mean where it is a status."""

    target: str
    words: Mapping[str, Meaning] = field(default_factory=dict)
    """By `word_key`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChoices:
    """The mapping that was given for a file's columns."""

    unknown: UnknownColumns | None = None
    """None refuses unknown columns, except in a known tool's file: there, people's own fields are
    usual, and are left out. Columns that may say who unsubscribed are refused in every case."""
    columns: Mapping[str, Choice] = field(default_factory=dict)
    """By `title_key`."""
    at_least: Meaning | None = None
    """What the file as a whole says of everyone in it, so that no column can say less."""
    named: Meaning | None = None
    """The same, by the file's name: believed of tools that name their files so."""
    is_part: bool = False
    """It is one of several files: `columns` may name some that it does not have."""

    @property
    def all_left(self) -> bool:
        """Whether nobody in the file may be emailed, whatever its columns say."""
        return self.at_least is not None and self.at_least in (*ENDED, Meaning.SKIPPED)


NOTHING_CHOSEN = ColumnChoices()


class ColumnsError(InvalidInputError):
    """A file with columns that nobody explained. Titles are as the file has them."""

    def __init__(
        self,
        tool: Tool | None,
        *,
        leaving: Sequence[str],
        others: Sequence[str],
        words: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        """Take the titles that may say who unsubscribed, the others, and words in their cells."""
        self.tool = tool
        self.leaving = tuple(leaving)
        self.others = tuple(others)
        super().__init__("file", self._message(words))

    def with_words(self, words: Mapping[str, Sequence[str]]) -> "ColumnsError":
        """Return the same error, which also shows what is written in columns, by their titles."""
        return ColumnsError(self.tool, leaving=self.leaving, others=self.others, words=words)

    def _message(self, words: Mapping[str, Sequence[str]]) -> str:
        taken = (
            f"File format: {self.tool.title}. "
            if self.tool
            else "This file isn't from a tool that we recognise. "
        )
        if self.leaving:
            shown = [
                f"{quoted([title])} (with {', '.join(words[title])})"
                if words.get(title)
                else quoted([title])
                for title in self.leaving[:SHOWN_TITLES]
            ]
            if more := len(self.leaving) - len(shown):
                shown.append(f"and {more} more")
            return (
                f"{taken}It has columns that may say who must not be emailed: {', '.join(shown)}. "
                f"Say what each one is with a mapping, for example map={self.leaving[0]}:status; "
                f"or leave it out with map={self.leaving[0]}:ignore. Nothing was imported."
            )
        return (
            f"{taken}It has unknown columns: {quoted(self.others)}. Leave them out with "
            "unknown=ignore, keep them as attributes with unknown=attributes, or say what each one "
            f"is with a mapping, for example map={self.others[0]}:name. Nothing was imported."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What each column of a file is, in the file's order."""

    tool: Tool | None
    titles: tuple[str, ...]
    choices: tuple[Choice, ...]
    watched: frozenset[int] = frozenset()
    """Numbers of the columns that nobody chose to leave out or to keep as attributes."""
    at_least: Meaning | None = None

    @property
    def left_out(self) -> tuple[str, ...]:
        """The titles of the columns that are not imported."""
        return tuple(
            title
            for title, choice in zip(self.titles, self.choices, strict=True)
            if choice.target == IGNORE and title
        )

    @property
    def is_plain(self) -> bool:
        """Whether the columns are those of an export of ours and nothing else."""
        return self.tool is None and all(
            choice.target in OWN_COLUMNS and choice.target == title_key(title)
            for title, choice in zip(self.titles, self.choices, strict=True)
        )


def plan_of(titles: Sequence[str], given: ColumnChoices, *, tool: Tool | None = None) -> Plan:
    """Return what each column of a file is, which is `tool`'s or of nobody who is known.

    Raises `ColumnsError` for columns that nobody explained, and `InvalidInputError` for `file`
    where two columns are the same or none holds addresses, and for `map` where it names a column
    that the file does not have.
    """
    keys = [title_key(title) for title in titles]
    missing = [key for key in given.columns if key not in keys]
    if missing and not given.is_part:
        raise InvalidInputError(
            "map", f"The file has no column {quoted(missing)}. Use the titles of its first line."
        )
    unknown = given.unknown
    if unknown is None:
        is_usual = tool is not None or given.all_left
        unknown = UnknownColumns.IGNORE if is_usual else UnknownColumns.REFUSE
    choices: list[Choice] = []
    watched: set[int] = set()
    open_titles: list[str] = []
    leaving_titles: list[str] = []
    known = known_choices(titles, tool)
    for number, (title, key) in enumerate(zip(titles, keys, strict=True)):
        choice = given.columns.get(key) or known[number]
        if choice is None:
            if may_tell_who_left(title) and not given.all_left:
                leaving_titles.append(title)
            elif unknown is UnknownColumns.REFUSE:
                open_titles.append(title)
            target = ATTRIBUTE if unknown is UnknownColumns.ATTRIBUTES and key else IGNORE
            choice = Choice(target=target)
            watched.add(number)
        choices.append(choice)
    if leaving_titles or open_titles:
        raise ColumnsError(tool, leaving=leaving_titles, others=open_titles)
    _check(titles, choices)
    return Plan(
        tool=tool,
        titles=tuple(titles),
        choices=tuple(choices),
        watched=frozenset(watched),
        at_least=_at_least(given, tool),
    )


def known_choices(titles: Sequence[str], tool: Tool | None) -> list[Choice | None]:
    """Return what columns are without anybody's saying; None for those that nobody knows."""
    keys = [title_key(title) for title in titles]
    found = [_known(tool, key) for key in keys]
    if (number := _address(tool, keys, found)) is not None:
        found[number] = Choice(target="email")
    return found


def _at_least(given: ColumnChoices, tool: Tool | None) -> Meaning | None:
    by_name = given.named if tool is not None and tool.names_files else None
    return strongest(found) if (found := [m for m in (given.at_least, by_name) if m]) else None


def _known(tool: Tool | None, key: str) -> Choice | None:
    """Return what a column is by the tool's table, by our own names, or by its plain title."""
    if tool is not None:
        if (target := tool.columns.get(key)) is not None:
            return Choice(target=target, words=tool.words_of(key))
        if key in tool.left_out:
            return Choice(target=IGNORE)
    elif key in OWN_COLUMNS:
        return Choice(target=key)
    if (target := PLAIN_TITLES.get(plain(key))) is not None:
        return Choice(target=target)
    return None


def _address(tool: Tool | None, keys: Sequence[str], found: Sequence[Choice | None]) -> int | None:
    """Return which column the address is in, if the tool's titles are in the account's language."""
    pattern = tool.address_title if tool else None
    if pattern is None or any(choice and choice.target == "email" for choice in found):
        return None
    for number, (key, choice) in enumerate(zip(keys, found, strict=True)):
        if choice is None and pattern.search(key):
            return number
    return None


def _check(titles: Sequence[str], choices: Sequence[Choice]) -> None:
    targets = [choice.target for choice in choices]
    for target in dict.fromkeys(targets):
        if target not in SEVERAL and targets.count(target) > 1:
            same = [title for title, found in zip(titles, targets, strict=True) if found == target]
            raise InvalidInputError(
                "file",
                f"Several columns are read as {target}: {quoted(same)}. "
                f"Keep one and leave out the others: map={same[-1]}:ignore.",
            )
    kept = [
        title_key(title)
        for title, target in zip(titles, targets, strict=True)
        if target in (ATTRIBUTE, "status")
    ]
    if len(set(kept)) < len(kept):
        raise InvalidInputError("file", "The header names a column twice. Rename one of them.")
    if "email" not in targets:
        raise InvalidInputError(
            "file",
            "No column is the email address. Say which one it is, for example map=Contact:email.",
        )


def quoted(titles: Iterable[str]) -> str:
    """Return titles as an error shows them: shortened, in quotes, and only the first of many."""
    found = list(titles)
    more = f" and {len(found) - SHOWN_TITLES} more" if len(found) > SHOWN_TITLES else ""
    return ", ".join(f'"{_short(title)}"' for title in found[:SHOWN_TITLES]) + more


def _short(title: str) -> str:
    return title if len(title) <= MAX_SHOWN_LENGTH else title[: MAX_SHOWN_LENGTH - 1] + "…"
