"""Import: subscriptions from a file, ours or another tool's. Running it again changes nothing.

Rows are written in chunks, each one transaction. After a crash the same file is imported again:
rows that were written before count as unchanged.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import IO, Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.clock import utc_now
from service.domain.address import address_hash
from service.domain.errors import BrokenBodyError, InvalidInputError, UnknownListError
from service.domain.files.columns import Choice, ColumnChoices, UnknownColumns
from service.domain.files.exchange import FileFormat
from service.domain.files.import_cells import Note, has_address, says_left
from service.domain.files.import_row import ImportRow, parse_import_row
from service.domain.files.import_time import DayOrder
from service.domain.files.meanings import Meaning
from service.domain.lists.mailing_list import ListInfo
from service.store.access.audit import insert_audit
from service.store.files.import_rows import ImportItem
from service.usecases.files.import_ahead import read_ahead
from service.usecases.files.import_archive import opened_files, parts_of
from service.usecases.files.import_chunks import Chunk, ChunkWriter, Pace
from service.usecases.files.import_gathering import GatheredRows
from service.usecases.files.import_reading import (
    DoubtfulRow,
    FileRow,
    Found,
    RowProblem,
    RowSkipped,
)
from service.usecases.files.import_report import ImportReport, Listener
from service.usecases.lists.lists import Lists

CHUNK_ROWS = 5_000
SQLITE_CHUNK_ROWS = 500
"""Fewer: SQLite has one writer, so signups wait for a chunk; and it holds a chunk several times."""

MAILS_AN_HOUR = 1_000
MAX_MAILS_AN_HOUR = 1_000_000
UNKNOWN_LIST = "names a list that does not exist; create it, or correct the name"

PROGRESS_ROWS = 1_000

Progress = Callable[[int, int], None]
"""Called with how many bytes and rows of the file have been read: after each chunk, and every
`PROGRESS_ROWS` rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How a file is imported."""

    encoding: str | None = None
    """If left out, it is found from the file."""
    list: str | None = None
    """The list for rows without one. If left out, the default list."""
    left: bool = False
    """Everyone in this file has unsubscribed, whatever their rows say: some tools do not say it."""
    mails_an_hour: int = MAILS_AN_HOUR
    """How fast people without evidence of their consent are asked by email."""
    unknown: UnknownColumns | None = None
    """What to do with columns that have no known meaning. None refuses them, except in a known
    tool's file, where they are left out. Columns that may say who unsubscribed are refused in every
    case."""
    columns: Mapping[str, Choice] = field(default_factory=dict)
    """What columns are, by `title_key`."""
    dry_run: bool = False
    """Report what would become of the rows and change nothing. Two rows for one subscription count
    as one only if they are near each other."""


USUAL = ImportOptions()


class Import:
    """Takes files in."""

    def __init__(self, engine: Engine, *, lists: Lists, address_hash_key: bytes) -> None:
        """Take what the use case works with."""
        self._engine = engine
        self._lists = lists
        self._hash_key = address_hash_key

    def __call__(
        self,
        stream: IO[bytes],
        *,
        format: FileFormat,  # noqa: A002 - the name that it has outside
        actor: str,
        options: ImportOptions = USUAL,
        progress: Progress | None = None,
        listener: Listener | None = None,
        opened: Callable[[ImportReport], object] | None = None,
    ) -> ImportReport:
        """Import a file and report the result of each row; bad rows do not hold up good ones.

        `confirmed` rows without evidence become pending, and the people are asked by email, one
        after the other; `pending` rows become pending without an email. An `unsubscribed` row ends
        the subscription, also of a suppressed address, unless the person acted here after that (or
        ever, if the row has no time) or has given a later consent.

        `opened` is called once the header is read, with the report that names the tool and the
        columns.

        Raises `InvalidInputError` for `file` if the whole file is not usable (as `ColumnsError` if
        nobody said what a column is), for `map`, `encoding` and `mails_an_hour`, and
        `UnknownListError`; nothing was imported then. After any other error the chunks before it
        stay, and the audit log says that the import broke off.
        A stream that ends too early raises `BrokenBodyError`: the row it ends in is not taken.
        """
        if not 1 <= options.mails_an_hour <= MAX_MAILS_AN_HOUR:
            raise InvalidInputError("mails_an_hour", f"Use 1 to {MAX_MAILS_AN_HOUR}.")
        usual = self._lists.get(options.list) if options.list else None
        pace = Pace(utc_now(), timedelta(hours=1) / options.mails_an_hour)
        choices = ColumnChoices(
            unknown=options.unknown,
            columns=options.columns,
            at_least=Meaning.UNSUBSCRIBED if options.left else None,
        )
        report = ImportReport(listener=listener)
        writer = ChunkWriter(self._engine, report, pace, dry_run=options.dry_run)
        how: dict[str, Any] = {"format": format, "list": options.list, "left": options.left}
        try:
            with parts_of(stream) as parts:
                files = opened_files(parts, format, encoding=options.encoding, choices=choices)
                for file in files:
                    if file.plan is not None:
                        report.take(file.plan)
                how["tool"] = report.tool
                if opened:
                    opened(report)

                def tell() -> None:
                    if progress:
                        progress(sum(file.bytes_read for file in files), report.rows)

                for file in files:
                    report.file = file.name
                    good = self._good(file.rows(), report, have_left=options.left, read=tell)
                    for chunk in self._chunks(good, report, usual):
                        writer.write(chunk)
                        tell()
        except BaseException as error:
            # The chunks that were written stay. What went wrong matters more than this entry.
            is_cut_short = isinstance(error, BrokenBodyError)
            if (report.imported or is_cut_short) and not options.dry_run:
                with suppress(SQLAlchemyError):
                    self._audit(report, actor, {**how, "broke_off": True})
            raise
        if not options.dry_run:
            self._audit(report, actor, how)
        return report

    def _audit(self, report: ImportReport, actor: str, how: Mapping[str, Any]) -> None:
        with self._engine.begin() as connection:
            insert_audit(
                connection,
                at=utc_now(),
                actor=actor,
                action="subscribers.imported",
                detail={
                    **how,
                    "rows": report.settled,
                    "imported": report.imported,
                    "asked": report.asked,
                    "unchanged": report.unchanged,
                    "skipped": report.skipped,
                    "bad": report.bad,
                },
            )

    def _chunks(
        self,
        rows: Iterator[tuple[int, ImportRow]],
        report: ImportReport,
        usual: ListInfo | None,
    ) -> Iterator[Chunk]:
        """Gather the rows into chunks; of several for one subscription the strongest."""
        is_sqlite = self._engine.dialect.name == "sqlite"
        size = min(CHUNK_ROWS, SQLITE_CHUNK_ROWS) if is_sqlite else CHUNK_ROWS
        gathered = GatheredRows(report)
        for line, row in rows:
            hashed = address_hash(row.address.key, self._hash_key)
            try:
                info = self._lists.get(row.list) if row.list else (usual or self._lists.default())
            except UnknownListError:
                problem = RowProblem(line, "list", UNKNOWN_LIST)
                gathered.add_stray(line, row, hashed, problem)
            else:
                gathered.add(line, ImportItem(row=row, list_id=info.id, address_hash=hashed))
            if len(gathered) >= size:
                yield gathered.chunk()
                gathered = GatheredRows(report)
        if len(gathered):
            yield gathered.chunk()

    def _good(
        self,
        rows: Iterator[Found],
        report: ImportReport,
        *,
        have_left: bool,
        read: Callable[[], None],
    ) -> Iterator[tuple[int, ImportRow]]:
        """Give the valid rows with their lines; count the others."""
        order = DayOrder()
        for found in read_ahead(rows, order):
            report.rows += 1
            if report.rows % PROGRESS_ROWS == 0:
                read()
            if isinstance(found, FileRow):
                if found.cells.get("erased_at"):
                    report.skip(found.line, "belongs to an erased person")
                    continue
                try:
                    row = parse_import_row(found.cells, now=utc_now(), left=have_left, order=order)
                except InvalidInputError as error:
                    problem = RowProblem(found.line, error.field, str(error))
                    doubtful = DoubtfulRow(problem, found.others)
                else:
                    yield found.line, row
                    continue
            elif isinstance(found, DoubtfulRow):
                doubtful = found
            elif isinstance(found, RowSkipped):
                report.skip(found.line, found.message)
                continue
            else:
                report.refuse(found)
                continue
            if leaver := _leaver_of(doubtful, order, have_left=have_left):
                yield doubtful.problem.line, leaver
            else:
                report.refuse(doubtful.problem)


def _leaver_of(found: DoubtfulRow, order: DayOrder, *, have_left: bool) -> ImportRow | None:
    """Return the row of somebody who unsubscribed, if any reading of it says so."""
    for cells in found.readings:
        if (have_left or says_left(cells)) and has_address(cells):
            row = parse_import_row(cells, now=utc_now(), left=True, order=order)
            note = Note(
                found.problem.column, f"{found.problem.message}. Unsubscribed all the same."
            )
            return replace(row, notes=(note, *row.notes))
    return None
