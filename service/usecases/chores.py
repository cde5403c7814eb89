"""What a worker does besides delivering mail: small jobs, each again after its own pause."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

AFTER_FAULT_SECONDS = 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """A job that any number of workers may run at once.

    `run` does a bounded piece of work and returns how much it found: while it finds something it
    is called again at once, otherwise after `every_seconds`.
    """

    name: str
    run: Callable[[], int]
    every_seconds: float


class Chores:
    """Runs the chores in turn on one thread, until told to stop."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        """Take the chores; each is due at once."""
        self._chores = chores

    def run(self, stop: threading.Event) -> None:
        """Run what is due until `stop` is set. A fault is logged and waited out."""
        due_at = {chore.name: 0.0 for chore in self._chores}
        while not stop.is_set() and self._chores:
            for chore in self._chores:
                if due_at[chore.name] <= time.monotonic() and not stop.is_set():
                    due_at[chore.name] = time.monotonic() + self._pause_after(chore)
            stop.wait(max(0.01, min(due_at.values()) - time.monotonic()))

    def run_all_once(self) -> None:
        """Run each chore until it finds nothing more, for `--drain`."""
        for chore in self._chores:
            while chore.run():
                pass

    def _pause_after(self, chore: Chore) -> float:
        try:
            return 0.0 if chore.run() else chore.every_seconds
        except Exception as error:  # noqa: BLE001 - whatever it is, the other chores go on
            _log.warning("chore failed", chore=chore.name, error=type(error).__name__)
            return max(chore.every_seconds, AFTER_FAULT_SECONDS)
