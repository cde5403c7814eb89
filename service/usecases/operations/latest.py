"""Figures that take long to count: each counted by one thread, while others get the last one."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from service.domain.errors import UnavailableError

COUNTS_AT_ONCE = 2
"""Different figures that are counted side by side in one process."""
WAITING = 1
"""Threads that may wait for a figure that has never been counted."""
WAIT_SECONDS = 30.0
"""As long as a statement may take."""
KEPT = 64
"""Figures; the oldest one goes."""

Key = TypeVar("Key")
Figure = TypeVar("Figure")


class Latest(Generic[Key, Figure]):
    """The latest figure for each key, counted again once it is `seconds` old. Thread-safe.

    A thread counts if its figure is missing or old and nobody counts it yet. One that comes
    meanwhile gets the last figure. If there is none, one may wait for it. All others, and those
    for whom too much else is being counted, get an `UnavailableError` at once: requests for
    figures must never hold the threads that signups need.
    """

    def __init__(self, count: Callable[[Key], Figure], *, seconds: float) -> None:
        """`count` counts the figure of a key; what it raises goes to those who wait for it."""
        self._count = count
        self._seconds = seconds
        self._lock = threading.Lock()
        self._known: dict[Key, tuple[float, Figure]] = {}
        self._running: dict[Key, Future[Figure]] = {}
        self._waiting = 0

    def get(self, key: Key) -> Figure:
        """Return the figure. Raises `UnavailableError`, and what counting raises."""
        with self._lock:
            known = self._known.get(key)
            if known is not None and time.monotonic() < known[0]:
                return known[1]
            running = self._running.get(key)
            if running is None and len(self._running) < COUNTS_AT_ONCE:
                own = self._running[key] = Future()
            elif known is not None:
                return known[1]
            elif running is None or self._waiting >= WAITING:
                raise UnavailableError("figures are being counted")
            else:
                self._waiting += 1
        if running is None:
            return self._counted(key, own)
        try:
            return running.result(timeout=WAIT_SECONDS)
        except TimeoutError:
            raise UnavailableError("figures are being counted") from None
        finally:
            with self._lock:
                self._waiting -= 1

    def _counted(self, key: Key, own: "Future[Figure]") -> Figure:
        try:
            figure = self._count(key)
        except BaseException as error:
            with self._lock:
                del self._running[key]
            own.set_exception(error)
            raise
        with self._lock:
            del self._running[key]
            self._known.pop(key, None)
            self._known[key] = (time.monotonic() + self._seconds, figure)
            while len(self._known) > KEPT:
                del self._known[next(iter(self._known))]
        own.set_result(figure)
        return figure
