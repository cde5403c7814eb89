"""How fast a provider may be called: the rate that is set, and the rest that its answers ask for.

Each process keeps its own pace. Several processes may go over a provider's rate together; then its
429 and the breaker slow them down.
"""

import math
import threading
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from service.mail.pause import rest_asked_for


class Pace:
    """A sliding window of the last calls, and a rest. Thread-safe.

    What lies ahead of the clock is from before it was set back, and does not count.
    """

    def __init__(self, calls_a_second: float | None = None) -> None:
        """Without a rate, only a rest bounds the calls."""
        self._most = math.ceil(calls_a_second) if calls_a_second else None
        self._window = timedelta(seconds=(self._most or 0) / (calls_a_second or 1))
        self._calls: deque[datetime] = deque(maxlen=self._most or 0)
        self._rest: tuple[datetime, datetime] | None = None
        self._lock = threading.Lock()

    @property
    def calls_a_second(self) -> float | None:
        """The rate that is set, or None."""
        return None if self._most is None else self._most / self._window.total_seconds()

    def allows(self, calls: int, now: datetime) -> int:
        """Return how many of so many calls may begin now."""
        with self._lock:
            if self._rest is not None and self._rest[0] <= now < self._rest[1]:
                return 0
            return calls if self._most is None else min(calls, self._most - self._counted(now))

    def take(self, calls: int, now: datetime) -> None:
        """Count calls that begin."""
        with self._lock:
            self._calls.extend([now] * calls)

    def give_back(self) -> None:
        """Count one call less: it was not made after all."""
        with self._lock:
            if self._calls:
                self._calls.pop()

    def note(self, headers: Mapping[str, str], now: datetime) -> None:
        """Rest where an answer says that its quota is used up until a time that is near."""
        if (rest := rest_asked_for(headers)) is not None:
            with self._lock:
                self._rest = (now, now + rest)

    def next_call_at(self, now: datetime) -> datetime | None:
        """Return when a call may begin that may not begin now; None where one may now."""
        if self.allows(1, now):
            return None
        with self._lock:
            free_at = now
            if self._most is not None and self._counted(now) == self._most:
                free_at = self._calls[0] + self._window
            return max(free_at, self._rest[1] if self._rest else now)

    def _counted(self, now: datetime) -> int:
        return sum(now - self._window < at <= now for at in self._calls)
