"""Import: subscriptions from a file, ours or another tool's. Running it again changes nothing.

Rows are kept in chunks, each one transaction. So after a crash the same file is simply imported
once more: what is there already counts as unchanged.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import IO, Any
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.clock import utc_now
from service.domain.address import address_hash
from service.domain.errors import InvalidInputError, UnknownListError
from service.domain.exchange import FileFormat
from service.domain.files.columns import Choice, ColumnChoices, UnknownColumns
from service.domain.import_row import ImportRow, parse_import_row
from service.domain.mailing_list import ListInfo
from service.domain.subscription import Status
from service.store.audit import insert_audit
from service.store.import_rows import ImportItem
from service.usecases.import_chunks import Chunk, ChunkWriter, Pace
from service.usecases.import_file import Cells, Found, ImportFile, RowProblem, RowSkipped
from service.usecases.import_report import ImportReport, Listener
from service.usecases.lists import Lists

CHUNK_ROWS = 5_000
SQLITE_CHUNK_ROWS = 2_000
"""SQLite has one writer, so that signups wait for a chunk; and it holds a chunk several times."""

MAILS_AN_HOUR = 1_000
MAX_MAILS_AN_HOUR = 1_000_000
REPEATED = "repeats another row of this file"

Progress = Callable[[int], None]
"""Told how many bytes of the file have been read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How a file is taken."""

    encoding: str | None = None
    """Told by the file itself where left out."""
    list: str | None = None
    """The list of rows that name none, where it is not the default one."""
    left: bool = False
    """Take every row for one of somebody who left, whatever it says: some tools do not say."""
    mails_an_hour: int = MAILS_AN_HOUR
    """How fast those are asked who came without evidence."""
    unknown: UnknownColumns | None = None
    """What becomes of columns that nobody explained. None refuses them, save those of a known
    tool, which are left out. Columns that may tell who left are refused in every case."""
    columns: Mapping[str, Choice] = field(default_factory=dict)
    """What columns are, by `title_key`."""
    dry_run: bool = False
    """Say what would become of the rows and change nothing. Two rows of one subscription count as
    one only where they are near each other."""


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
        """Import a file and say what became of each row; bad rows do not hold up good ones.

        `confirmed` rows without evidence become pending, and the person is asked by mail, one after
        the other; `pending` rows become pending without a mail. An `unsubscribed` row ends what is
        here already, suppressed or not, unless the person acted here after that (or ever, where it
        has no time) or has given a later consent.

        `opened` is called once the header is read, with the report that names the tool and the
        columns.

        Raises `InvalidInputError` for `file` where the file as a whole is not usable (as
        `ColumnsError` where nobody explained a column), for `map`, `encoding` and
        `mails_an_hour`, and `UnknownListError`; nothing was taken then. After anything else the
        chunks before it stay, and the audit says that the import broke off.
        """
        if not 1 <= options.mails_an_hour <= MAX_MAILS_AN_HOUR:
            raise InvalidInputError("mails_an_hour", f"Use 1 to {MAX_MAILS_AN_HOUR}.")
        usual = self._lists.get(options.list) if options.list else None
        pace = Pace(utc_now(), timedelta(hours=1) / options.mails_an_hour)
        choices = ColumnChoices(
            unknown=options.unknown, columns=options.columns, all_left=options.left
        )
        file = ImportFile(stream, format, encoding=options.encoding, choices=choices)
        found = file.rows()
        report = ImportReport(listener=listener)
        if file.plan is not None:
            report.take(file.plan)
        if opened:
            opened(report)
        how = {
            "format": format,
            "list": options.list,
            "left": options.left,
            "tool": report.tool,
        }
        try:
            with (
                _settled_heap(),
                ChunkWriter(self._engine, report, pace, dry_run=options.dry_run) as writer,
            ):
                for chunk in self._chunks(found, report, usual, have_left=options.left):
                    writer.write(chunk)
                    if progress:
                        progress(file.bytes_read)
        except BaseException:
            # The chunks that were written stay. What went wrong matters more than this entry.
            if report.imported and not options.dry_run:
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
        rows: Iterator[Found],
        report: ImportReport,
        usual: ListInfo | None,
        *,
        have_left: bool,
    ) -> Iterator[Chunk]:
        """Give the good rows, of several for the same subscription in one chunk the strongest."""
        is_sqlite = self._engine.dialect.name == "sqlite"
        size = min(CHUNK_ROWS, SQLITE_CHUNK_ROWS) if is_sqlite else CHUNK_ROWS
        chunk: dict[tuple[str, UUID], tuple[int, ImportItem]] = {}
        for line, item in self._items(rows, report, usual, have_left=have_left):
            report.rows += 1
            key = (item.row.address.key, item.list_id)
            before = chunk.get(key)
            if before is None:
                chunk[key] = (line, item)
            elif _is_stronger(item.row, before[1].row):
                report.unchange(before[0], REPEATED)
                chunk[key] = (line, item)
            else:
                report.unchange(line, REPEATED)
            if len(chunk) >= size:
                yield list(chunk.values())
                chunk.clear()
        if chunk:
            yield list(chunk.values())

    def _items(
        self,
        rows: Iterator[Found],
        report: ImportReport,
        usual: ListInfo | None,
        *,
        have_left: bool,
    ) -> Iterator[tuple[int, ImportItem]]:
        """Give the good rows with their lines; count the bad ones."""
        for found in rows:
            if isinstance(found, RowSkipped):
                report.rows += 1
                report.skip(found.line, found.message)
                continue
            if isinstance(found, RowProblem):
                report.rows += 1
                report.refuse(found)
                continue
            if found.cells.get("erased_at"):
                report.rows += 1
                report.skip(found.line, "is of an erased person")
                continue
            try:
                cells = {**found.cells, "status": Status.UNSUBSCRIBED} if have_left else found.cells
                yield found.line, self._item(cells, usual)
            except InvalidInputError as error:
                report.rows += 1
                report.refuse(RowProblem(found.line, error.field, str(error)))

    def _item(self, cells: Cells, usual: ListInfo | None) -> ImportItem:
        row = parse_import_row(cells, now=utc_now())
        try:
            info = self._lists.get(row.list) if row.list else (usual or self._lists.default())
        except UnknownListError:
            raise InvalidInputError("list", "is no list here") from None
        return ImportItem(
            row=row,
            list_id=info.id,
            address_hash=address_hash(row.address.key, self._hash_key),
        )


@contextmanager
def _settled_heap() -> Iterator[None]:
    """Keep the garbage collector from going through the whole application for every few chunks.

    Rows make many objects that live for a moment, and each time it would look at all the others.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _is_stronger(row: ImportRow, than: ImportRow) -> bool:
    """Tell whether of two rows for one subscription the later one counts: as if it came in a file
    of its own, after the other one's.
    """
    if than.status is Status.UNSUBSCRIBED:
        return False
    if row.status is Status.UNSUBSCRIBED:
        newest = than.confirmed_at
        return row.ended_at is None or newest is None or row.ended_at > newest
    return row.status is Status.CONFIRMED and than.status is Status.PENDING
