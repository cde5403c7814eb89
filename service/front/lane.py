"""Threads of one kind of request, and how many such requests there may be at once."""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

from service.front.limits import LaneLimits


class Lane:
    """A fixed set of threads with a bounded number of requests. All methods are the loop's."""

    def __init__(self, name: str, limits: LaneLimits) -> None:
        """Start the threads. They are daemons: stopping the server waits for requests."""
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._admitted = 0
        self._limit = limits.admitted
        for number in range(limits.threads):
            Thread(target=self._run, name=f"{name}-{number}", daemon=True).start()

    def enter(self) -> bool:
        """Admit one more request, or return False where the lane is full."""
        if self._admitted >= self._limit:
            return False
        self._admitted += 1
        return True

    def leave(self) -> None:
        """Count an admitted request as over."""
        self._admitted -= 1

    def run(self, step: Callable[[], None]) -> None:
        """Have a thread do a step of an admitted request. `step` must not raise."""
        self._work.put(step)

    def _run(self) -> None:
        while True:
            self._work.get()()
