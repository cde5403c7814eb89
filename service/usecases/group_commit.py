"""Group commit: requests that arrive while one transaction is under way share the next one.

Nobody waits for company: a request that finds nothing under way starts at once. Under load the
cost of a transaction (round trips, commit, flush to disk) is divided by those who share it. Each
caller returns only after the transaction that holds its own work is committed.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError

from service.store.database import is_lost_race

T = TypeVar("T")
R = TypeVar("R")

MAX_GROUP = 64


class _Entry(Generic[T, R]):
    __slots__ = ("done", "error", "item", "key", "leads", "result")

    def __init__(self, item: T, key: Hashable) -> None:
        self.item = item
        self.key = key
        # A lock that is taken until it is done: it costs a tenth of a `threading.Event`.
        self.done = threading.Lock()
        self.done.acquire()
        self.leads = False
        self.result: R
        self.error: BaseException | None = None


class GroupCommit(Generic[T, R]):
    """Runs `work` for the items of many threads together, in one transaction at a time.

    `work` takes items with keys that all differ, commits, and returns a result for each, in order.
    Where it fails for a group, each item is tried alone, so that a bad one fails by itself. Where
    another transaction was in its way, all of it is tried once more.
    """

    def __init__(
        self, work: Callable[[Sequence[T]], Sequence[R]], key: Callable[[T], Hashable]
    ) -> None:
        """Take the work and what makes two items too close for one transaction."""
        self._work = work
        self._key = key
        self._lock = threading.Lock()
        self._waiting: list[_Entry[T, R]] = []
        self._is_led = False

    def submit(self, item: T) -> R:
        """Return the item's result once it is committed, or raise what its work raised."""
        entry: _Entry[T, R] = _Entry(item, self._key(item))
        with self._lock:
            self._waiting.append(entry)
            entry.leads = not self._is_led
            self._is_led = True
        if not entry.leads:
            entry.done.acquire()
        if entry.leads:
            self._lead()
        if entry.error is not None:
            raise entry.error
        return entry.result

    def _lead(self) -> None:
        """Run one group, which holds the leader's own entry, and hand the lead to one who waits."""
        group = self._take_group()
        try:
            self._run(group)
        finally:
            with self._lock:
                heir = self._waiting[0] if self._waiting else None
                self._is_led = heir is not None
                if heir is not None:
                    heir.leads = True
            for entry in group:
                entry.done.release()
            if heir is not None:
                heir.done.release()

    def _take_group(self) -> list[_Entry[T, R]]:
        """Take the first of those who wait (the leader) and all that may share with it."""
        with self._lock:
            group: dict[Hashable, _Entry[T, R]] = {}
            left: list[_Entry[T, R]] = []
            for entry in self._waiting:
                if len(group) < MAX_GROUP and entry.key not in group:
                    group[entry.key] = entry
                else:
                    left.append(entry)
            self._waiting = left
        return list(group.values())

    def _run(self, group: Sequence[_Entry[T, R]]) -> None:
        try:
            results = self._work_or_again([entry.item for entry in group])
            for entry, result in zip(group, results, strict=True):
                entry.result = result
        except BaseException as error:  # noqa: BLE001 - handed to every thread that waits for it
            is_about_one = len(group) > 1 and not _is_about_the_database(error)
            for entry in group:
                entry.error = error
                if is_about_one:
                    entry.error = None
                    self._run([entry])

    def _work_or_again(self, items: Sequence[T]) -> Sequence[R]:
        try:
            return self._work(items)
        except DBAPIError as error:
            if not is_lost_race(error):
                raise
        return self._work(items)


def _is_about_the_database(error: BaseException) -> bool:
    """Tell whether the next item would fail alike: no connection, a full disk, a lock, a signal."""
    if isinstance(error, DBAPIError):
        return not isinstance(error, IntegrityError) and type(error).__name__ in (
            "OperationalError",
            "InterfaceError",
            "InternalError",
        )
    return not isinstance(error, Exception)
