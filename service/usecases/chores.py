"""What a worker does besides delivering mail: small jobs, each again after its own pause."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from service.log import error_fields

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

    def pause_after_run(self) -> float:
        """Run once and return the seconds to wait. A fault is logged and waited out."""
        try:
            return 0.0 if self.run() else self.every_seconds
        except Exception as error:  # noqa: BLE001 - whatever it is, it may pass
            _log.warning("chore failed", chore=self.name, **error_fields(error))
            return max(self.every_seconds, AFTER_FAULT_SECONDS)


class Chores:
    """Runs the chores, each on a thread of its own: one that waits holds up no other."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        """Take the chores; each is due at once."""
        self._chores = chores
        self._threads: list[threading.Thread] = []

    def start(self, stop: threading.Event) -> None:
        """Run them until `stop` is set."""

        def repeat(chore: Chore) -> None:
            while not stop.wait(chore.pause_after_run()):
                pass

        for chore in self._chores:
            thread = threading.Thread(target=repeat, args=(chore,), name=f"chore {chore.name}")
            thread.start()
            self._threads.append(thread)

    def join(self) -> None:
        """Wait until what each was doing at `stop` is done."""
        for thread in self._threads:
            thread.join()

    def run_all_once(self) -> None:
        """Run each chore until it finds nothing more, for `--drain`."""
        for chore in self._chores:
            while chore.run():
                pass
