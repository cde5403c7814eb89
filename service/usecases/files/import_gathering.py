"""Rows gathered into a chunk: one for each subscription."""

from dataclasses import replace
from uuid import UUID

from service.domain.files.import_cells import Note
from service.domain.files.import_row import ImportRow
from service.domain.subscription import Status, SuppressionReason
from service.store.files.import_reports import AddressReport
from service.store.files.import_rows import ImportItem
from service.usecases.files.import_chunks import Chunk
from service.usecases.files.import_reading import RowProblem
from service.usecases.files.import_report import ImportReport

REPEATED = "repeats another row of this file"


class GatheredRows:
    """A chunk as it fills."""

    def __init__(self, report: ImportReport) -> None:
        """Take what counts the rows that are not taken."""
        self._report = report
        self._rows: dict[tuple[str, UUID], tuple[int, ImportItem]] = {}
        self._strays: list[tuple[int, ImportRow]] = []
        self._reports: dict[tuple[str, SuppressionReason], AddressReport] = {}

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self._rows) + len(self._strays)

    def add(self, line: int, item: ImportItem) -> None:
        """Take a row, unless one for the same subscription is stronger."""
        if item.row.ended is not None:
            self._report_address(item.row, item.address_hash)
        key = (item.row.address.key, item.list_id)
        before = self._rows.get(key)
        if before is None:
            self._rows[key] = (line, item)
        elif _is_stronger(item.row, before[1].row):
            self._report.unchange(before[0], REPEATED, before[1].row.notes)
            self._rows[key] = (line, item)
        else:
            self._report.unchange(line, REPEATED, item.row.notes)

    def add_stray(self, line: int, row: ImportRow, hashed: str, problem: RowProblem) -> None:
        """Take a row that names no list of ours if it reports its address; else refuse it."""
        if row.reports is None:
            self._report.refuse(problem)
            return
        self._report_address(row, hashed)
        note = Note(problem.column, f"{problem.message}. The address was suppressed.")
        self._strays.append((line, replace(row, notes=(*row.notes, note))))

    def chunk(self) -> Chunk:
        """Return the chunk."""
        return Chunk(list(self._rows.values()), self._strays, list(self._reports.values()))

    def _report_address(self, row: ImportRow, hashed: str) -> None:
        if row.reports is None or row.ended is None:
            return
        new = AddressReport(
            email_key=row.address.key,
            address_hash=hashed,
            reason=row.reports,
            earliest=row.ended.earliest,
            latest=row.ended.latest,
        )
        key = (new.email_key, new.reason)
        before = self._reports.get(key)
        # No time, or the later time, holds against more confirmations.
        if before is None or (
            before.latest is not None and (new.latest is None or new.latest > before.latest)
        ):
            self._reports[key] = new


def _is_stronger(row: ImportRow, than: ImportRow) -> bool:
    """Return whether `row`, the later of two for one subscription, replaces the earlier.

    The result is the same as if it came in a second file.
    """
    if than.status is Status.UNSUBSCRIBED:
        return False
    if row.ended is not None:
        latest, newest = row.ended.latest, than.confirmed_at
        return latest is None or newest is None or latest > newest
    return row.status is Status.CONFIRMED and than.status is Status.PENDING
