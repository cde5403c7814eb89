"""When a provider may be called: one small state machine, fed with what its calls came to.

A call that fails as a whole (429, 5xx, no connection, no answer, our key refused) pauses the
provider: one second, then twice as long each time, never more than `MAX_PAUSE` between probes,
longer only where the provider itself asks for it. After a pause one call probes; its success opens
the way again. How many calls may be under way halves with each failure and grows by one with each
success.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

FIRST_PAUSE = timedelta(seconds=1)
MAX_PAUSE = timedelta(seconds=30)


class BreakerState(StrEnum):
    """Closed: calls flow. Open: none may be made. Half open: one call may probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(slots=True)
class Breaker:
    """One provider's breaker in one process. Not thread-safe by itself."""

    max_calls: int
    """Calls that may be under way at once when all is well."""
    failures: int = 0
    """Failures since the last success; those of calls that were under way together count once."""
    open_until: datetime | None = None
    opened_at: datetime | None = None
    """When it was opened last: a clock that is before that was set back, and says nothing."""
    limit: int = field(init=False)

    def __post_init__(self) -> None:
        """Begin closed, with all calls allowed."""
        self.limit = self.max_calls

    def state(self, now: datetime) -> BreakerState:
        """Return the state at this moment."""
        if self.failures == 0:
            return BreakerState.CLOSED
        if self.open_until is not None and self.opened_at is not None:
            is_open = self.opened_at <= now < self.open_until
            return BreakerState.OPEN if is_open else BreakerState.HALF_OPEN
        return BreakerState.HALF_OPEN

    def free_calls(self, now: datetime, under_way: int) -> int:
        """Return how many more calls may begin."""
        allowed = {
            BreakerState.CLOSED: self.limit,
            BreakerState.OPEN: 0,
            BreakerState.HALF_OPEN: 1,
        }[self.state(now)]
        return max(0, allowed - under_way)

    def succeed(self) -> None:
        """Record a call that the provider answered."""
        self.failures = 0
        self.open_until = self.opened_at = None
        self.limit = min(self.max_calls, self.limit + 1)

    def fail(
        self, *, began_at: datetime, now: datetime, retry_after: timedelta | None = None
    ) -> None:
        """Record a call that failed as a whole. `began_at` tells calls of one outage together."""
        if self.opened_at is not None and now < self.opened_at:
            self.open_until = None
        is_news = self.open_until is None or began_at >= self.open_until
        if is_news:
            self.failures += 1
            self.limit = max(1, self.limit // 2)
        pause = min(FIRST_PAUSE * 2 ** min(self.failures - 1, 10), MAX_PAUSE)
        until = now + max(pause, retry_after or timedelta(0))
        if is_news or retry_after is not None:
            self.open_until = max(until, self.open_until or until)
            self.opened_at = now
