"""Which receivers may be called now: a fixed number of calls at once, shared out fairly.

A receiver that has just answered quickly may have several calls at once, any other has one. The
slow and failing ones have a part of the slots to themselves at most, and so have those that
nobody knows yet: however many of them hang, there are slots for receivers that answer.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

SLOW_SECONDS = 1.0
"""From here on a call counts as slow, and its receiver with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many calls there may be at once."""

    total: int = 48
    new: int = 16
    """To receivers that were not called yet by this process, all together."""
    slow: int = 8
    """To receivers that are slow or failing, all together."""
    per_receiver: int = 8


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """A call under way. Two may begin at the same moment, so each is equal to itself alone."""

    webhook_id: UUID
    began: float
    is_failing: bool


class Slots:
    """Keeps account of the calls of one process. For one thread."""

    def __init__(self, sizes: Sizes, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that only ever grow."""
        self._sizes = sizes
        self._clock = clock
        self._running: set[Running] = set()
        self._is_quick: dict[UUID, bool] = {}
        self._served: dict[UUID, int] = {}
        self._turn = 0

    def begin(self, webhook_id: UUID, *, is_failing: bool) -> Running:
        """Take a slot, and put the receiver at the end of the line."""
        self._turn += 1
        self._served[webhook_id] = self._turn
        call = Running(webhook_id, self._clock(), is_failing)
        self._running.add(call)
        return call

    def end(self, call: Running, *, is_delivered: bool | None) -> None:
        """Give the slot back. `is_delivered` is None where nobody was called after all."""
        self._running.discard(call)
        if is_delivered is not None:
            self._is_quick[call.webhook_id] = is_delivered and not self._is_late(call)

    def in_turn(self, webhook_ids: Sequence[UUID]) -> list[UUID]:
        """Return the receivers, the one first that was called longest ago."""
        return sorted(webhook_ids, key=lambda each: self._served.get(each, 0))

    def free_in_all(self) -> int:
        """Return how many slots are free."""
        return self._sizes.total - len(self._running)

    def free(self, webhook_id: UUID, *, is_failing: bool) -> int:
        """Return how many calls to this receiver may begin now."""
        own = [call for call in self._running if call.webhook_id == webhook_id]
        is_quick = self._is_quick.get(webhook_id)
        if is_failing or is_quick is False or any(map(self._is_late, own)):
            part, most = self._sizes.slow - sum(map(self._is_slow, self._running)), 1
        elif is_quick is None:
            part, most = self._sizes.new - sum(map(self._is_new, self._running)), 1
        else:
            part, most = self._sizes.total, self._sizes.per_receiver
        return max(0, min(self.free_in_all(), part, most - len(own)))

    def _is_late(self, call: Running) -> bool:
        return self._clock() - call.began >= SLOW_SECONDS

    def _is_slow(self, call: Running) -> bool:
        is_known = self._is_quick.get(call.webhook_id) is False
        return call.is_failing or is_known or self._is_late(call)

    def _is_new(self, call: Running) -> bool:
        return call.webhook_id not in self._is_quick and not self._is_slow(call)
