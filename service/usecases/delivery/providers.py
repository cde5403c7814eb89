"""The providers in order of preference, each behind its breaker: who takes the next email."""

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from service.domain.delivery.breaker import Breaker, BreakerState
from service.mail.provider import Provider

DEFAULT_CALLS = 8
BUSY_FOR = timedelta(seconds=1)
"""After how long a provider that has all its calls under way is asked again."""


class GuardedProvider:
    """One provider and the calls to it that are under way. Thread-safe."""

    def __init__(
        self, provider: Provider, *, name: str | None = None, max_calls: int = DEFAULT_CALLS
    ) -> None:
        """`name` tells two accounts with one mail API apart; it is the API's own where there is but
        one. `max_calls` bounds the calls under way at once.
        """
        self.provider = provider
        self.name = name or provider.name
        self._breaker = Breaker(max_calls)
        self._under_way = 0
        self._lock = threading.Lock()

    def free_calls(self, now: datetime) -> int:
        """Return how many calls may begin now."""
        with self._lock:
            calls = self._breaker.free_calls(now, self._under_way)
        return self.provider.pace.allows(calls, now)

    def begin(self, calls: int, now: datetime) -> None:
        """Count calls as under way."""
        with self._lock:
            self._under_way += calls
        self.provider.pace.take(calls, now)

    def end(self, *, was_made: bool = True) -> None:
        """Count one call less under way. One that was not made does not count for the pace."""
        with self._lock:
            self._under_way -= 1
        if not was_made:
            self.provider.pace.give_back()

    def succeed(self) -> None:
        """Record a call that was answered."""
        with self._lock:
            self._breaker.succeed()

    def fail(
        self, *, began_at: datetime, now: datetime, retry_after: timedelta | None = None
    ) -> None:
        """Record a call that failed as a whole."""
        with self._lock:
            self._breaker.fail(began_at=began_at, now=now, retry_after=retry_after)

    def is_closed(self, now: datetime) -> bool:
        """Tell whether the provider is in good health: calls flow."""
        return self.state(now)[0] is BreakerState.CLOSED

    def is_open(self, now: datetime) -> bool:
        """Tell whether the provider is paused: no call may be made."""
        return self.state(now)[0] is BreakerState.OPEN

    def opens_at(self, now: datetime) -> datetime | None:
        """Return when the next call may begin, where neither breaker nor pace takes one now."""
        untils = (self.state(now)[1], self.provider.pace.next_call_at(now))
        return max((until for until in untils if until is not None), default=None)

    def state(self, now: datetime) -> tuple[BreakerState, datetime | None]:
        """Return the breaker's state and until when it is open."""
        with self._lock:
            return self._breaker.state(now), self._breaker.open_until


class ProviderPool:
    """All providers, in the order of `MAIL_URL`."""

    def __init__(self, pool: Sequence[GuardedProvider]) -> None:
        """Names must differ: a batch remembers its provider by name."""
        self._pool = {guarded.name: guarded for guarded in pool}
        if len(self._pool) != len(pool):
            raise ValueError("MAIL_URL names the same account of a mail API twice")

    def __len__(self) -> int:
        """Return how many providers there are."""
        return len(self._pool)

    def __iter__(self) -> Iterator[GuardedProvider]:
        """Go through the providers in order of preference."""
        return iter(self._pool.values())

    def by_name(self, name: str) -> GuardedProvider:
        """Return the guarded provider of this name."""
        return self._pool[name]

    def first_free(self, now: datetime) -> GuardedProvider | None:
        """Return the first provider that takes a call now. Emails wait for one that is in good
        health and busy, or keeps to its pace: the next is for when this one fails.
        """
        for guarded in self:
            if guarded.free_calls(now) > 0:
                return guarded
            if guarded.is_closed(now):
                return None
        return None

    def is_any_closed(self, now: datetime, *, but: GuardedProvider) -> bool:
        """Tell whether another provider is in good health."""
        return any(guarded is not but and guarded.is_closed(now) for guarded in self)

    def next_opening(self, now: datetime) -> datetime | None:
        """Return when a provider that is paused or keeps to its pace may be called, if any is."""
        untils = [until for guarded in self if (until := guarded.opens_at(now)) and until > now]
        return min(untils, default=None)
