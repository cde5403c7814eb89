"""How fast a provider may be called: the rate that is set, and the rest that its answers ask for.

Each process keeps its own pace. Several processes may go over a provider's rate together; then its
429 and the breaker slow them down.
"""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

from service.mail.pause import rest_asked_for


class Pace:
    """A token bucket that holds one second's calls, and a rest. Thread-safe."""

    def __init__(self, calls_a_second: float | None = None) -> None:
        """Without a rate, only a rest bounds the calls."""
        self._rate = calls_a_second
        self._tokens = self._most = max(1.0, calls_a_second or 0)
        self._filled_at: datetime | None = None
        self._rests_until: datetime | None = None
        self._lock = threading.Lock()

    def allows(self, calls: int, now: datetime) -> int:
        """Return how many of so many calls may begin now."""
        with self._lock:
            if self._rests_until is not None and now < self._rests_until:
                return 0
            if self._rate is None:
                return calls
            self._fill(self._rate, now)
            return min(calls, int(self._tokens))

    def take(self, calls: int, now: datetime) -> None:
        """Count calls that begin."""
        with self._lock:
            if self._rate is not None:
                self._fill(self._rate, now)
                self._tokens -= calls

    def note(self, headers: Mapping[str, str], now: datetime) -> None:
        """Rest where an answer says that its quota is used up until a time that is near."""
        if (rest := rest_asked_for(headers)) is not None:
            with self._lock:
                self._rests_until = max(now + rest, self._rests_until or now)

    def next_call_at(self, now: datetime) -> datetime | None:
        """Return when a call may begin that may not begin now; None where one may now."""
        if self.allows(1, now):
            return None
        with self._lock:
            refilled_at = now
            if self._rate is not None and self._tokens < 1:
                refilled_at += timedelta(seconds=(1 - self._tokens) / self._rate)
            return max(refilled_at, self._rests_until or now)

    def _fill(self, rate: float, now: datetime) -> None:
        if self._filled_at is not None and now > self._filled_at:
            earned = (now - self._filled_at).total_seconds() * rate
            self._tokens = min(self._most, self._tokens + earned)
        self._filled_at = now
