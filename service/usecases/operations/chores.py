"""A worker's other jobs: small, each run again after its own pause."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from service.log import error_fields

AFTER_FAULT_SECONDS = 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """A job that any number of workers may run at once.

    `run` does a bounded piece of work and returns how much it found: while it finds something it
    is called again at once, otherwise after `every_seconds`. A job that has work of different
    speeds under way at once has `run_until` as well, which goes on by itself until the event is
    set; `run` is for `--drain` then.
    """

    name: str
    run: Callable[[], int]
    every_seconds: float
    run_until: Callable[[threading.Event], None] | None = None

    def repeat(self, stop: threading.Event) -> None:
        """Do the job again and again until `stop` is set. A fault is logged and waited out."""
        while not stop.is_set():
            stop.wait(self._pause_after_run(stop))

    def drain(self) -> None:
        """Do the job until there is nothing more to do."""
        while self.run():
            pass

    def _pause_after_run(self, stop: threading.Event) -> float:
        try:
            if self.run_until is not None:
                self.run_until(stop)
                return 0.0
            return 0.0 if self.run() else self.every_seconds
        except Exception as error:  # noqa: BLE001 - whatever it is, it may pass
            _log.warning("chore failed", chore=self.name, **error_fields(error))
            return max(self.every_seconds, AFTER_FAULT_SECONDS)


class Chores:
    """Runs the chores, each on a thread of its own: one that waits or fails holds up no other."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        """Take the chores; each is due at once."""
        self._chores = chores
        self._threads: list[threading.Thread] = []

    def start(self, stop: threading.Event) -> None:
        """Run them until `stop` is set."""
        for chore in self._chores:
            thread = threading.Thread(target=chore.repeat, args=(stop,), name=f"chore {chore.name}")
            thread.start()
            self._threads.append(thread)

    def join(self) -> None:
        """Wait until what each was doing at `stop` is done."""
        for thread in self._threads:
            thread.join()

    def run_all_once(self) -> None:
        """Run each chore until it finds nothing more, for `--drain`.

        All are run, side by side; then the first fault is raised, if there was any.
        """
        if not self._chores:
            return
        with ThreadPoolExecutor(len(self._chores), thread_name_prefix="chore") as pool:
            running = [pool.submit(chore.drain) for chore in self._chores]
        for done in running:
            done.result()
