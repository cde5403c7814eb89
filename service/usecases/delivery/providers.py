"""The providers in order of preference, each behind its breaker: who takes the next mail."""

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from service.domain.delivery.breaker import Breaker, BreakerState
from service.mail.provider import Provider, reaches

DEFAULT_CALLS = 8
BUSY_FOR = timedelta(seconds=1)
"""After how long a provider that has all its calls under way is asked again."""


class Gate:
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


class Gates:
    """All providers, in the order of `MAIL_URL`."""

    def __init__(self, gates: Sequence[Gate]) -> None:
        """Names must differ: a batch remembers its provider by name."""
        self._gates = {gate.name: gate for gate in gates}
        if len(self._gates) != len(gates):
            raise ValueError("MAIL_URL names the same account of a mail API twice")

    def __iter__(self) -> Iterator[Gate]:
        """Go through the gates in order of preference."""
        return iter(self._gates.values())

    def by_name(self, name: str) -> Gate:
        """Return the provider's gate."""
        return self._gates[name]

    def first_free(self, now: datetime) -> Gate | None:
        """Return the first provider that takes a call now. Mails wait for one that is in good
        health and busy, or keeps to its pace: the next is for when this one fails.
        """
        for gate in self:
            if gate.free_calls(now) > 0:
                return gate
            if gate.is_closed(now):
                return None
        return None

    def is_any_closed(self, now: datetime, *, but: Gate) -> bool:
        """Tell whether another provider is in good health."""
        return any(gate is not but and gate.is_closed(now) for gate in self)

    def reaching(self, address: str, *, but: Gate | None = None) -> Sequence[Gate]:
        """Return those whose providers carry mail to this address, in order of preference."""
        return [gate for gate in self if gate is not but and reaches(gate.provider, address)]

    def reached_at(self, address: str, *, but: Gate, now: datetime) -> datetime | None:
        """Return when another provider may take a mail to this address; None where no other can."""
        others = self.reaching(address, but=but)
        if any(gate.free_calls(now) for gate in others):
            return now
        openings = [gate.opens_at(now) or now + BUSY_FOR for gate in others]
        return min(openings, default=None)

    def next_opening(self, now: datetime) -> datetime | None:
        """Return when a provider that is paused or keeps to its pace may be called, if any is."""
        untils = [until for gate in self if (until := gate.opens_at(now)) and until > now]
        return min(untils, default=None)
