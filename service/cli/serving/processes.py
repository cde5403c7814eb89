"""Processes beside `serve`: its own, started again should they die, and ended with it."""

import gc
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.context import ForkProcess, SpawnProcess
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

RESTART_AFTER_SECONDS = 1.0
STOP_WITHIN_SECONDS = 20


class Child(Protocol):
    """A process that runs."""

    def wait(self) -> object:
        """Wait for its end."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""


def share_memory() -> None:
    """Prepare this process for copies of it: what it has loaded so far stays shared with them.

    A collection would write into each object, and so make a copy of its page (`gc.freeze`).
    """
    gc.collect()
    gc.freeze()


def name_process(name: str) -> None:
    """Show this process by a name of its own, of up to 15 characters, in `ps -o comm` and `top`."""
    with suppress(OSError):  # not on Linux
        Path("/proc/self/comm").write_text(name)


class Copy:
    """A process that runs a function. On Linux it starts at once, for nothing is loaded again."""

    def __init__(self, run: Callable[..., None], *given: object) -> None:
        """Start it."""
        kind = ForkProcess if sys.platform == "linux" else SpawnProcess
        self._process: BaseProcess = kind(target=run, args=given)
        self._process.start()

    def wait(self) -> None:
        """Wait for its end."""
        self._process.join()

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it."""
        self._process.kill()


class KeptProcess:
    """A process that is started again whenever it ends.

    Only its own thread waits for the process: two that wait for one child of `multiprocessing` each
    see the other's answer as "still running".
    """

    def __init__(self, start: Callable[[], Child]) -> None:
        """Start it."""
        self._start = start
        self._starting = threading.Lock()
        self._is_stopping = threading.Event()
        self._process = start()
        self._keeper = threading.Thread(target=self._keep, name="keep", daemon=True)
        self._keeper.start()

    def _keep(self) -> None:
        while True:
            self._process.wait()
            if self._is_stopping.wait(RESTART_AFTER_SECONDS):
                return
            # Where there is no memory or no process, it is tried again in a second.
            with self._starting, suppress(OSError):
                if not self._is_stopping.is_set():
                    self._process = self._start()

    def terminate(self) -> None:
        """Ask it to end; it is not started again."""
        with self._starting:
            self._is_stopping.set()
            self._process.terminate()

    def stop(self) -> None:
        """Let what is under way in it end, then the process."""
        self.terminate()
        self._keeper.join(STOP_WITHIN_SECONDS)
        if self._keeper.is_alive():
            self._process.kill()
            self._keeper.join()
