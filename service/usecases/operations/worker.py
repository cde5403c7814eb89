"""The delivery worker: keeps exactly as many calls under way as the provider may have."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol

import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from service.clock import utc_now
from service.log import error_fields
from service.store.delivery.claims import ClaimedBatch
from service.store.operations.capacity import TOO_MANY, is_too_many
from service.usecases.delivery.deliver import Deliver
from service.usecases.operations.chores import Chore, Chores

CONCURRENCY = 8
LOOK_AT_LEAST_EVERY_SECONDS = 5.0
AFTER_FAULT_SECONDS = 1.0
GATHER_SECONDS = 0.03
"""A pause after emails were found, for others to come: under load one claim and call carries tens
instead of five, which costs the worker a third. An email that comes alone goes at once.
"""
LOOK_AGAIN_SECONDS = 0.1
"""The least pause where something is due that nobody may take at the moment."""

_log = structlog.get_logger(__name__)


class Waiter(Protocol):
    """Whatever can wait for emails to be due."""

    def wait(self, seconds: float, *, is_over: Callable[[], bool]) -> None:
        """Return when an email may be due, after `seconds`, or when `is_over` says so."""


class Worker:
    """Runs delivery until it is stopped; it waits while the database fails."""

    def __init__(
        self,
        deliver: Deliver,
        waiter: Waiter,
        *,
        chores: Sequence[Chore] = (),
        concurrency: int = CONCURRENCY,
    ) -> None:
        """`concurrency` is how many calls to the mail API may be under way at once; `chores` run
        beside them, each on a thread of its own.
        """
        self._deliver = deliver
        self._waiter = waiter
        self._chores = Chores(chores)
        self._concurrency = concurrency
        self.stop = threading.Event()
        """Set it to end `run`: calls under way are finished, nothing more is claimed."""
        self._has_ended = threading.Event()
        """Set when a call ends: one that fails may put its messages back at once."""

    def run(self, *, drain: bool = False) -> None:
        """Deliver until `stop` is set, or with `drain` until nothing is due."""
        if drain:
            self._deliver_mail(drain=True)
            self._chores.run_all_once()
            return
        self._chores.start(self.stop)
        try:
            self._deliver_mail(drain=False)
        finally:
            self.stop.set()
            self._chores.join()

    def _deliver_mail(self, *, drain: bool) -> None:
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="deliver") as pool:
            while not self.stop.is_set():
                try:
                    self._has_ended.clear()
                    free = self._concurrency - len(running)
                    claimed = self._deliver.claim(calls=free)
                    running |= {self._call(pool, batch) for batch in claimed}
                    running = self._reap(running, is_full=len(running) >= self._concurrency)
                    if drain and not claimed and not running and not self._deliver.is_any_due():
                        return
                    if claimed and len(claimed) < free:
                        self.stop.wait(GATHER_SECONDS)
                    # What was due is claimed, unless all calls were filled or one is made again.
                    if len(claimed) < free and not any(batch.is_retry for batch in claimed):
                        self._rest()
                except SQLAlchemyError as error:
                    cause = error.orig if isinstance(error, DBAPIError) else error
                    if is_too_many(error):
                        _log.warning("database fault", error="too_many_connections", text=TOO_MANY)
                    else:
                        _log.warning("database fault", error=type(cause).__name__)
                    self.stop.wait(AFTER_FAULT_SECONDS)
            self._reap(running, is_full=False, finish=True)

    def _call(self, pool: ThreadPoolExecutor, batch: ClaimedBatch) -> Future[None]:
        future = pool.submit(self._deliver.deliver, batch)
        future.add_done_callback(lambda _: self._has_ended.set())
        return future

    def _reap(
        self, running: set[Future[None]], *, is_full: bool, finish: bool = False
    ) -> set[Future[None]]:
        """Take away the calls that are done; wait for one where all places are taken."""
        if is_full:
            wait(running, return_when=FIRST_COMPLETED)
        if finish:
            wait(running)
        done = {each for each in running if each.done()}
        for each in done:
            if (error := each.exception()) is not None:
                # The lease runs out by itself and the batch is taken over.
                _log.warning("batch failed", **error_fields(error))
        return running - done

    def _rest(self) -> None:
        """Wait for an email, for the end of a call, or for the next retry to fall due."""
        due_at = self._deliver.next_due_at()
        seconds = LOOK_AT_LEAST_EVERY_SECONDS
        if due_at is not None:
            seconds = min(seconds, max(LOOK_AGAIN_SECONDS, (due_at - utc_now()).total_seconds()))
        self._waiter.wait(seconds, is_over=lambda: self.stop.is_set() or self._has_ended.is_set())
