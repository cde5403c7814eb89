"""Chunks on their way into the database: one is written while the next is being read.

Reading takes Python's time and writing the database's, so that both together take hardly longer
than the slower of them.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from service.clock import utc_now
from service.domain.webhook import EventType
from service.store import webhooks
from service.store.database import is_lost_race
from service.store.import_rows import ImportItem
from service.store.imports import Kept, import_chunk
from service.usecases.import_report import ImportReport

Chunk = Sequence[tuple[int, ImportItem]]
"""Rows with their lines, no two for the same address and list."""


class Pace:
    """Gives each mail its time, so that a file of any size does not go out at once."""

    def __init__(self, start: datetime, step: timedelta) -> None:
        """The first mail goes at `start`."""
        self.upcoming = start
        self._step = step

    def next(self) -> datetime:
        """Return the time of one more mail."""
        at = self.upcoming
        self.upcoming += self._step
        return at


class ChunkWriter:
    """Writes chunks one after another, each in one transaction, which a dry run takes back.

    The report counts a chunk's rows once it is written: all are counted where the block has ended.
    """

    def __init__(
        self, engine: Engine, report: ImportReport, pace: Pace, *, dry_run: bool = False
    ) -> None:
        """Take what chunks are written with; nothing runs yet."""
        self._engine = engine
        self._report = report
        self._pace = pace
        self._dry_run = dry_run
        self._thread = ThreadPoolExecutor(1, "import")
        self._under_way: tuple[Chunk, Future[list[Kept]]] | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what is under way, and raise what it failed with unless the block failed."""
        try:
            self._settle()
        except Exception:
            if kind is None:
                raise
        finally:
            self._thread.shutdown()

    def write(self, chunk: Chunk) -> None:
        """Have a chunk written, once the one before is; raise what that one failed with."""
        self._settle()
        self._under_way = (chunk, self._thread.submit(self._write, chunk))

    def _write(self, chunk: Chunk) -> list[Kept]:
        """Write the chunk; once more where another transaction was in its way."""
        first_mail_at = self._pace.upcoming
        try:
            return self._write_once(chunk)
        except DBAPIError as error:
            if not is_lost_race(error):
                raise
        self._pace.upcoming = first_mail_at
        return self._write_once(chunk)

    def _write_once(self, chunk: Chunk) -> list[Kept]:
        items, at = [item for _, item in chunk], utc_now()
        with self._engine.connect() as connection, connection.begin() as transaction:
            kept = import_chunk(connection, items, at=at, next_mail_at=self._pace.next)
            webhooks.owe(connection, EventType.UNSUBSCRIBED, _ended(items, kept, at))
            if self._dry_run:
                transaction.rollback()
        return kept

    def _settle(self) -> None:
        if self._under_way is None:
            return
        chunk, written = self._under_way
        self._under_way = None
        for (line, item), kept in zip(chunk, written.result(), strict=True):
            self._report.count(line, item.row, kept)


def _ended(
    items: Sequence[ImportItem], kept: Sequence[Kept], at: datetime
) -> Iterator[webhooks.Change]:
    for item, each in zip(items, kept, strict=True):
        if each.ended is not None:
            yield webhooks.Change(
                subscriber_id=each.ended,
                mailing_list_id=item.list_id,
                at=at,
                reason=item.row.ended_reason,
            )
