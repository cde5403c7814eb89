"""Chunks on their way into the database, and the result of each row.

Reading and writing take turns. Two threads that do both at once gain nothing, because they share
Python's lock: an import takes 1.0 to 1.1 times as long without them on PostgreSQL, and 0.9 on
SQLite (medians of 4 and 3, 30,000 and 40,000 rows).
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from service.clock import utc_now
from service.domain.delivery.feedback import EventKind, consequence
from service.domain.files.import_row import ImportRow
from service.domain.webhooks.event import EventType
from service.store.database import is_lost_race
from service.store.files.import_reports import AddressReport, KnownAddress, known_addresses
from service.store.files.import_rows import ImportItem
from service.store.files.imports import RowOutcome, ask, import_chunk
from service.store.turns import one_turn
from service.store.webhooks import receivers
from service.usecases.files.import_report import ImportReport
from service.usecases.people import consequences
from service.usecases.people.consequences import Report

SOURCE = "import"
"""The source of an end or a suppression that a file reports."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows with their lines, no two for the same address and list, and reports of addresses."""

    rows: Sequence[tuple[int, ImportItem]] = ()
    strays: Sequence[tuple[int, ImportRow]] = ()
    """Rows that report their address and name no list of ours."""
    reports: Sequence[AddressReport] = ()


@dataclass(frozen=True, slots=True)
class _Written:
    """The results of a chunk's rows, in order."""

    outcomes: list[RowOutcome]
    reported: Set[str] = frozenset()
    """Keys of the addresses for which a report changed something."""


class Pace:
    """Spreads the emails, so that those of a large file do not go out at once."""

    def __init__(self, start: datetime, step: timedelta) -> None:
        """The first email goes at `start`."""
        self.upcoming = start
        self._step = step

    def next(self) -> datetime:
        """Return the time of one more email."""
        at = self.upcoming
        self.upcoming += self._step
        return at


class ChunkWriter:
    """Writes chunks, each in one transaction, which a dry run takes back."""

    def __init__(
        self, engine: Engine, report: ImportReport, pace: Pace, *, dry_run: bool = False
    ) -> None:
        """Take what chunks are written with; `report` counts their rows."""
        self._engine = engine
        self._report = report
        self._pace = pace
        self._dry_run = dry_run

    def write(self, chunk: Chunk) -> None:
        """Write a chunk, then count the results of its rows."""
        written = self._write(chunk)
        for (line, item), outcome in zip(chunk.rows, written.outcomes, strict=True):
            self._report.count(line, item.row, outcome)
        for line, row in chunk.strays:
            is_written = row.address.key in written.reported
            self._report.count(line, row, RowOutcome(is_written=is_written, status=row.status))

    def _write(self, chunk: Chunk) -> _Written:
        """Write the chunk; a second time if it lost a race against another transaction."""
        first_mail_at = self._pace.upcoming
        try:
            return self._write_once(chunk)
        except DBAPIError as error:
            if not is_lost_race(error):
                raise
        self._pace.upcoming = first_mail_at
        return self._write_once(chunk)

    def _write_once(self, chunk: Chunk) -> _Written:
        items, at = [item for _, item in chunk.rows], utc_now()
        with one_turn(self._engine) as connection:
            outcomes = import_chunk(connection, items, at=at)
            receivers.enqueue(connection, EventType.UNSUBSCRIBED, _ended(items, outcomes, at))
            written = _report(connection, items, outcomes, chunk.reports, at=at)
            asked = (
                item
                for item, each in zip(items, written.outcomes, strict=True)
                if item.row.is_asked and each.is_written and not each.is_suppressed
            )
            ask(connection, asked, next_mail_at=self._pace.next)
            if self._dry_run:
                connection.rollback()
        return written


def _report(
    connection: Connection,
    items: Sequence[ImportItem],
    outcomes: list[RowOutcome],
    reports: Sequence[AddressReport],
    *,
    at: datetime,
) -> _Written:
    """Apply the reports of addresses on every list, as a mail API's events are applied."""
    if not reports:
        return _Written(outcomes)
    found = [each for each in known_addresses(connection, reports) if not each.is_outdated]
    ended = consequences.apply(connection, [_as_report(each, at) for each in found], now=at)
    left = {subscriber_id for subscriber_id, _ in ended}
    suppressed = {each.report.email_key for each in found}
    reported = {
        each.report.email_key for each in found if not each.is_known or each.subscriber_id in left
    }
    return _Written(
        [
            replace(
                each,
                is_suppressed=True,
                is_written=each.is_written or (item.row.reports is not None and key in reported),
            )
            if (key := item.row.address.key) in suppressed
            else each
            for item, each in zip(items, outcomes, strict=True)
        ],
        reported,
    )


def _as_report(known: KnownAddress, at: datetime) -> Report:
    kind = EventKind(known.report.reason.value)
    # Only the hash of an erased person is kept, unless they came back by themselves.
    is_named = known.subscriber_id is not None or not known.is_erased
    return Report(
        kind=kind,
        follows=consequence(kind, soft_bounces=0),
        at=at,
        address_hash=known.report.address_hash,
        email_key=known.report.email_key if is_named else None,
        subscriber_id=known.subscriber_id,
        is_new=not known.is_known,
        note=SOURCE,
        source=SOURCE,
    )


def _ended(
    items: Sequence[ImportItem], outcomes: Sequence[RowOutcome], at: datetime
) -> Iterator[receivers.Change]:
    for item, each in zip(items, outcomes, strict=True):
        if each.ended is not None:
            yield receivers.Change(
                subscriber_id=each.ended,
                mailing_list_id=item.list_id,
                at=at,
                reason=item.row.ended.reason if item.row.ended else None,
            )
