"""A row of another tool's file in our own columns, by what its columns were found to be."""

from collections.abc import Sequence
from typing import Any

from service.domain.errors import InvalidInputError
from service.domain.files.cells import (
    as_iso,
    as_json,
    is_before,
    is_no_time,
    is_time,
    is_unmistakable,
    locale_of,
    merged,
    tags_of,
)
from service.domain.files.columns import ATTRIBUTE, ENDS, IGNORE, Plan
from service.domain.files.meanings import (
    ENDED,
    Meaning,
    explained,
    status_of,
    strongest,
    word_key,
)
from service.domain.files.titles import title_key

Cells = dict[str, str | None]

_TIMES = ("requested_at", "confirmed_at", "consent_at", "ended_at")


class SkippedRowError(Exception):
    """The row says that the person never subscribed."""


class Translator:
    """Translates the rows of one file."""

    def __init__(self, plan: Plan) -> None:
        """Take what the file's columns are."""
        self._plan = plan
        self._tool = tool = plan.tool
        self._columns = [
            (number, title, choice)
            for number, (title, choice) in enumerate(zip(plan.titles, plan.choices, strict=True))
            if choice.target != IGNORE
        ]
        self._targets = {choice.target for choice in plan.choices}
        self._keys = {title_key(title) for title in plan.titles}
        # All of them have ended where the tool's column for the others is missing.
        self._only_ended = (
            tool is not None and tool.active_sign is not None and tool.active_sign not in self._keys
        )

    def row(self, cells: Sequence[str]) -> Cells:
        """Return a row, its cells in the order of the file's columns, in our own columns.

        Raises `InvalidInputError` that names the column for a word that nobody explained, and
        `SkippedRowError`. A word that looks like leaving is honoured.
        """
        given: Cells = {}
        attributes: dict[str, Any] = {}
        meanings: list[Meaning] = []
        unknown: str | None = None
        for number, title, choice in self._columns:
            cell, target = cells[number], choice.target
            if target == "status":
                meaning = explained(word_key(cell), choice.words, is_of_tool=self._tool is not None)
                if meaning is None:
                    unknown = title
                else:
                    meanings.append(meaning)
            elif target in ENDS:
                if not is_no_time(cell):
                    meanings.append(ENDS[target])
                    given["ended_at"] = given.get("ended_at") or self._iso(cell)
                elif self._only_ended:
                    meanings.append(ENDS[target])
            elif target == ATTRIBUTE:
                if cell:
                    attributes[title.strip()] = cell
            elif target == "tags":
                if tags := tags_of(cell):
                    attributes["tags"] = [*attributes.get("tags", ()), *tags]
            elif target == "language":
                if locale := locale_of(cell):
                    given["locale"] = locale
                elif cell.strip():
                    attributes["language"] = cell.strip()
            elif not given.get(target):
                given[target] = cell
        self._take_name(given)
        self._take_attributes(given, attributes)
        opted_in = self._take_times(given)
        self._take_status(given, meanings, unknown, cells, opted_in=opted_in)
        return given

    def _iso(self, cell: str) -> str:
        return as_iso(cell, day_first=self._tool.day_first if self._tool else None)

    def _take_name(self, given: Cells) -> None:
        parts = [(given.pop(name, None) or "").strip() for name in ("first_name", "last_name")]
        if not (given.get("name") or "").strip() and any(parts):
            given["name"] = " ".join(part for part in parts if part)

    def _take_attributes(self, given: Cells, attributes: dict[str, Any]) -> None:
        if (text := given.get("attributes")) and self._tool is not None:
            given["attributes"] = as_json(text)
        if attributes:
            given["attributes"] = merged(given.get("attributes"), attributes)

    def _take_times(self, given: Cells) -> bool | None:
        """Write times as ISO 8601, and say whether the file shows that the person opted in.

        None where the file does not show it. A tool's confirmation is evidence only if it came
        from a network address, and after the request: who joined in one step has one time twice.
        """
        for name in _TIMES:
            if text := given.get(name):
                given[name] = self._iso(text)
        tool = self._tool
        if tool is not None and not is_time(given.get("requested_at")):
            # It proves nothing, and is no reason to refuse a row.
            given["requested_at"] = None
        if tool is None or "confirmed_at" not in self._targets:
            return None
        confirmed_from = given.pop("confirmed_from", None)
        confirmed_at = given.pop("confirmed_at", None) or None
        requested_at = given.get("requested_at") or None
        if confirmed_from and is_before(requested_at, confirmed_at):
            given["confirmed_at"] = confirmed_at
            given["source"] = f"confirmed with {tool.name}"
        given["requested_at"] = requested_at or confirmed_at
        is_shown = tool.has_opt_in_times and "requested_at" in self._targets
        return bool(given["requested_at"]) if is_shown else None

    def _take_status(
        self,
        given: Cells,
        meanings: list[Meaning],
        unknown: str | None,
        cells: Sequence[str],
        *,
        opted_in: bool | None,
    ) -> None:
        tool = self._tool
        if tool is not None and "status" not in self._targets and "" in tool.words:
            meanings.append(tool.words[""])
        if self._plan.at_least is not None:
            meanings.append(self._plan.at_least)
        if tool is not None and tool.needs is not None and tool.needs not in self._keys:
            meanings.append(Meaning.PENDING)
        meaning = strongest(meanings) if meanings else None
        if meaning not in ENDED:
            self._check_doubts(unknown, cells)
        if meaning is Meaning.SKIPPED:
            raise SkippedRowError
        if meaning is Meaning.CONFIRMED and opted_in is False:
            meaning = Meaning.PENDING
        if meaning is not None:
            status, reason = status_of(meaning)
            given["status"] = status.value
            has_reason = meaning is Meaning.UNSUBSCRIBED and given.get("ended_reason")
            if reason is not None and not has_reason:
                given["ended_reason"] = reason.value

    def _check_doubts(self, unknown: str | None, cells: Sequence[str]) -> None:
        """Raise `InvalidInputError` for what may say that the person must not be emailed."""
        if unknown is not None:
            whose = f"that is unknown for {self._tool.title}" if self._tool else "without a meaning"
            raise InvalidInputError(
                unknown.strip(), f"has a word {whose}; say what it means with a mapping"
            )
        for number in self._plan.watched:
            if is_unmistakable(cells[number]):
                raise InvalidInputError(
                    self._plan.titles[number].strip(),
                    "says not to email this person, but this column is not imported; "
                    "say what it is with a mapping",
                )
