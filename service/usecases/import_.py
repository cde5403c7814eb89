"""Import: subscriptions from a file of the export's form. Running it again changes nothing.

Rows are kept in chunks, each one transaction. So after a crash the same file is simply imported
once more: what is there already counts as unchanged.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO
from uuid import UUID

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.address import address_hash
from service.domain.errors import InvalidInputError, UnknownListError
from service.domain.exchange import FileFormat
from service.domain.import_row import ImportRow, parse_import_row
from service.domain.subscription import Status
from service.store.audit import insert_audit
from service.store.imports import ImportItem, Kept, import_chunk
from service.usecases.import_file import FileRow, ImportFile, RowProblem
from service.usecases.lists import Lists

CHUNK_ROWS = 5_000
MAX_PROBLEMS = 1_000

Progress = Callable[[int], None]
"""Told how many bytes of the file have been read."""


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What became of the rows. `rows` is the sum of the four counts after it."""

    rows: int = 0
    imported: int = 0
    """New subscriptions, and pending ones that the file's evidence has confirmed."""
    unchanged: int = 0
    """What was there already, in the same state or a stronger one."""
    skipped: int = 0
    """Good rows that may not be taken: the person has left, or the address is suppressed."""
    bad: int = 0
    problems: list[RowProblem] = field(default_factory=list)
    """The first 1,000 skipped and bad rows, in the order in which they were found."""

    def skip(self, line: int, message: str) -> None:
        """Count a good row that may not be taken."""
        self.skipped += 1
        self._note(RowProblem(line, None, message))

    def refuse(self, problem: RowProblem) -> None:
        """Count a bad row."""
        self.bad += 1
        self._note(problem)

    def _note(self, problem: RowProblem) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


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
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ImportReport:
        """Import a file and say what became of each row; bad rows do not hold up good ones.

        `pending` rows become pending without a mail. A dry run says what would become of them and
        changes nothing; it takes two rows of one subscription for one only where they are near
        each other. Raises `InvalidInputError` for `file` where the file as a whole is not usable;
        nothing was taken from it then.
        """
        file = ImportFile(stream, format)
        report = ImportReport()
        chunk: dict[tuple[str, UUID], tuple[int, ImportItem]] = {}
        for line, item in self._items(file, report):
            report.rows += 1
            key = (item.row.address.key, item.list_id)
            before = chunk.get(key)
            if before is None or _is_stronger(item.row, before[1].row):
                chunk[key] = (line, item)
            report.unchanged += before is not None
            if len(chunk) >= CHUNK_ROWS:
                self._keep(chunk, report, dry_run=dry_run)
                if progress:
                    progress(file.bytes_read)
        self._keep(chunk, report, dry_run=dry_run)
        if progress:
            progress(file.bytes_read)
        if dry_run:
            return report
        with self._engine.begin() as connection:
            insert_audit(
                connection,
                at=utc_now(),
                actor=actor,
                action="subscribers.imported",
                detail={
                    "format": format,
                    "rows": report.rows,
                    "imported": report.imported,
                    "unchanged": report.unchanged,
                    "skipped": report.skipped,
                    "bad": report.bad,
                },
            )
        return report

    def _items(self, file: ImportFile, report: ImportReport) -> Iterator[tuple[int, ImportItem]]:
        """Give the good rows with their lines; count the bad ones."""
        for found in file.rows():
            if isinstance(found, RowProblem):
                report.rows += 1
                report.refuse(found)
                continue
            try:
                yield found.line, self._item(found)
            except InvalidInputError as error:
                report.rows += 1
                report.refuse(RowProblem(found.line, error.field, str(error)))

    def _item(self, found: FileRow) -> ImportItem:
        row = parse_import_row(found.cells, now=utc_now())
        try:
            info = self._lists.get(row.list) if row.list else self._lists.default()
        except UnknownListError:
            raise InvalidInputError("list", "is no list here") from None
        return ImportItem(
            row=row,
            list_id=info.id,
            address_hash=address_hash(row.address.key, self._hash_key),
        )

    def _keep(
        self,
        chunk: dict[tuple[str, UUID], tuple[int, ImportItem]],
        report: ImportReport,
        *,
        dry_run: bool,
    ) -> None:
        """Write a chunk in one transaction, which a dry run takes back, then empty it."""
        if not chunk:
            return
        items = [item for _, item in chunk.values()]
        with self._engine.connect() as connection, connection.begin() as transaction:
            kept = import_chunk(connection, items, at=utc_now())
            if dry_run:
                transaction.rollback()
        for (line, item), result in zip(chunk.values(), kept, strict=True):
            _count(report, line, item.row, result)
        chunk.clear()


def _is_stronger(row: ImportRow, than: ImportRow) -> bool:
    return than.status is Status.PENDING and row.status is Status.CONFIRMED


def _count(report: ImportReport, line: int, row: ImportRow, kept: Kept) -> None:
    if kept.is_written:
        report.imported += 1
    elif kept.status is None:
        report.skip(line, "is suppressed here and may not be mailed")
    elif kept.status is Status.UNSUBSCRIBED and row.status is not Status.UNSUBSCRIBED:
        report.skip(line, "has left this list; a file does not bring anybody back")
    elif kept.status is Status.PENDING and row.status is Status.CONFIRMED:
        report.skip(line, "waits for the person's own confirmation")
    else:
        report.unchanged += 1
