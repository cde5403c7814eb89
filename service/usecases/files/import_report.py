"""The results of an import: counts, the first problems, and each row for a listener."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from service.domain.files.columns import IGNORE, Plan
from service.domain.files.import_cells import Note
from service.domain.files.import_row import ImportRow
from service.domain.subscription import Status
from service.store.files.csv_lines import csv_line
from service.store.files.imports import RowOutcome
from service.usecases.files.import_reading import RowProblem

MAX_PROBLEMS = 1_000


class Outcome(StrEnum):
    """The result of a row."""

    IMPORTED = "imported"
    ASKED = "asked"
    """Imported as pending: nothing proved the consent, so the person is asked by email."""
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    BAD = "bad"
    HEADER = "header"
    """The first line: it says whose file it was taken for, and what was left out."""


@dataclass(frozen=True, slots=True)
class RowResult:
    """The result of the row that begins at `line`, and the reason if it was not imported."""

    line: int
    outcome: Outcome
    column: str | None = None
    message: str | None = None
    file: str | None = None
    """Which file of an archive it is in."""


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """What a column was taken for; None where it was left out."""

    title: str
    taken_for: str | None


Listener = Callable[[RowResult], object]
"""Called with every row. Rows of one chunk come in any order."""

REPORT_HEADER = csv_line(["line", "outcome", "column", "message"])


def report_line(result: RowResult) -> str:
    """Write a row's result as a line of the report, a CSV file that begins with `REPORT_HEADER`."""
    message = ": ".join(part for part in (result.file, result.message) if part) or None
    return csv_line([str(result.line), result.outcome, result.column, message])


def header_line(report: "ImportReport") -> str:
    """Write the report's line on the file's header; nothing where every column is our own."""
    if report.tool is None and not report.left_out:
        return ""
    message = f"file format: {report.tool_title}" if report.tool else "unknown file format"
    if report.left_out:
        message += f"; columns left out: {', '.join(report.left_out)}"
    return report_line(RowResult(1, Outcome.HEADER, None, message))


def problems_file(report: "ImportReport") -> str:
    """Write the problems that the report holds as a CSV file."""
    lines = [csv_line(["line", "column", "problem"])]
    for each in report.problems:
        message = f"{each.file}: {each.message}" if each.file else each.message
        lines.append(csv_line([str(each.line), each.column, message]))
    return "".join(lines)


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """The results of all rows. `rows` is the sum of the four counts after it."""

    rows: int = 0
    imported: int = 0
    """New subscriptions, pending ones that the file's evidence has confirmed, and ended ones."""
    unchanged: int = 0
    """Subscriptions that were there already, in the same state or a stronger one."""
    skipped: int = 0
    """Valid rows that may not be taken: the person unsubscribed, or the address is suppressed."""
    bad: int = 0
    asked: int = 0
    """How many of the imported are asked by email whether they consent."""
    noted: int = 0
    """Rows that were taken, or changed nothing, and in which a cell was cleaned or left out."""
    problems: list[RowProblem] = field(default_factory=list)
    """The first 1,000 skipped and bad rows, in the order in which they were found."""
    notes: list[RowProblem] = field(default_factory=list)
    """What was cleaned or left out, in the first 1,000 rows where something was."""
    listener: Listener | None = None
    tool: str | None = None
    """Whose file it was taken for; None where it is of no tool that is known."""
    tool_title: str | None = None
    """The same, as people write it."""
    file: str | None = None
    """Which file of an archive is read."""
    columns: list[ColumnUse] = field(default_factory=list)
    """What each column of the file was taken for, in the file's order."""

    @property
    def left_out(self) -> list[str]:
        """The titles of the columns that were not imported."""
        return [use.title for use in self.columns if use.taken_for is None]

    def take(self, plan: Plan) -> None:
        """Note which tool a file is from, and what its columns mean."""
        if plan.tool is not None:
            self.tool, self.tool_title = plan.tool.name, plan.tool.title
        uses = [
            ColumnUse(title, None if choice.target == IGNORE else choice.target)
            for title, choice in zip(plan.titles, plan.choices, strict=True)
            if title
        ]
        self.columns += [use for use in uses if use not in self.columns]

    @property
    def settled(self) -> int:
        """How many rows are counted so far as one of the four."""
        return self.imported + self.unchanged + self.skipped + self.bad

    def unchange(self, line: int, message: str | None = None, notes: Sequence[Note] = ()) -> None:
        """Count a row that says nothing new."""
        self.unchanged += 1
        self._tell(RowResult(line, Outcome.UNCHANGED, None, message), notes)

    def skip(self, line: int, message: str) -> None:
        """Count a valid row that may not be taken."""
        self.skipped += 1
        self._list(self.problems, RowProblem(line, None, message))
        self._tell(RowResult(line, Outcome.SKIPPED, None, message))

    def refuse(self, problem: RowProblem) -> None:
        """Count a bad row."""
        self.bad += 1
        self._list(self.problems, problem)
        self._tell(RowResult(problem.line, Outcome.BAD, problem.column, problem.message))

    def count(self, line: int, row: ImportRow, outcome: RowOutcome) -> None:
        """Count the result of a valid row."""
        if outcome.is_written:
            is_asked = row.is_asked and not outcome.is_suppressed
            self.imported += 1
            self.asked += is_asked
            became = Outcome.ASKED if is_asked else Outcome.IMPORTED
            self._tell(RowResult(line, became), row.notes)
        elif reason := _why_not(row, outcome):
            self.skip(line, reason)
        else:
            self.unchange(line, None, row.notes)

    def _list(self, listed: list[RowProblem], problem: RowProblem) -> None:
        if len(listed) < MAX_PROBLEMS:
            listed.append(replace(problem, file=self.file) if self.file else problem)

    def _tell(self, result: RowResult, notes: Sequence[Note] = ()) -> None:
        if notes:
            self.noted += 1
            for note in notes:
                self._list(self.notes, RowProblem(result.line, note.column, note.message))
            result = _with_notes(result, notes)
        if self.listener is not None:
            self.listener(replace(result, file=self.file) if self.file else result)


def _with_notes(result: RowResult, notes: Sequence[Note]) -> RowResult:
    """Return the result with the notes in its message. Of several, each names its column."""
    if len(notes) == 1 and result.message is None:
        return replace(result, column=notes[0].column, message=notes[0].message)
    texts = [f"{note.column} {note.message}" if note.column else note.message for note in notes]
    return replace(result, message="; ".join([result.message or "", *texts]).removeprefix("; "))


def _why_not(row: ImportRow, outcome: RowOutcome) -> str | None:
    """Return why a row that says something new was not taken; None if it says nothing new."""
    if outcome.status is None:
        return "is suppressed and gets no email"
    if row.status is Status.UNSUBSCRIBED:
        if outcome.status is Status.UNSUBSCRIBED:
            return None
        if row.ended is not None and row.ended.earliest is None:
            return "does not say when the person unsubscribed, and they signed up here themselves"
        return "unsubscribed before a later consent or signup here"
    if outcome.status is Status.UNSUBSCRIBED:
        return "is unsubscribed here; an import never brings anyone back"
    if outcome.status is Status.PENDING and row.status is Status.CONFIRMED:
        if outcome.is_suppressed:
            return "is suppressed and gets no email"
        return "waits for the person's own confirmation"
    return None
