"""Processes beside `serve`: its own, started again should they die, and ended with it."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.context import ForkProcess, SpawnProcess
from multiprocessing.process import BaseProcess
from typing import Protocol

RESTART_AFTER_SECONDS = 1.0
STOP_WITHIN_SECONDS = 20


class Child(Protocol):
    """A process that runs, as `subprocess.Popen` is one."""

    def wait(self, timeout: float | None = None) -> object:
        """Wait for its end; raise `TimeoutExpired` where it does not come."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""


def start_command(*arguments: str) -> Child:
    """Run a `newsflash` command with `--parent` and our id."""
    command = [sys.executable, "-m", "service", *arguments, "--parent", str(os.getpid())]
    return subprocess.Popen(command)  # noqa: S603 - our own interpreter and module


class Copy:
    """A process that runs a function. On Linux it starts at once, for nothing is loaded again."""

    def __init__(self, run: Callable[..., None], *given: object) -> None:
        """Start it."""
        kind = ForkProcess if sys.platform == "linux" else SpawnProcess
        self._process: BaseProcess = kind(target=run, args=given)
        self._process.start()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        self._process.join(timeout)
        if self._process.is_alive():
            raise subprocess.TimeoutExpired("web", timeout or 0)

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it."""
        self._process.kill()


class KeptProcess:
    """A process that is started again whenever it ends."""

    def __init__(self, start: Callable[[], Child]) -> None:
        """Start it."""
        self._start = start
        self._is_stopping = threading.Event()
        self._process = start()
        threading.Thread(target=self._keep, name="keep", daemon=True).start()

    def _keep(self) -> None:
        while True:
            self._process.wait()
            if self._is_stopping.wait(RESTART_AFTER_SECONDS):
                return
            with suppress(OSError):  # no memory or no process to be had: tried again in a second
                self._process = self._start()

    def terminate(self) -> None:
        """Ask it to end; it is not started again."""
        self._is_stopping.set()
        self._process.terminate()

    def stop(self) -> None:
        """Let what is under way in it end, then the process."""
        self.terminate()
        try:
            self._process.wait(STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
