"""A Redis server of the tests' own."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

START_WITHIN_SECONDS = 10


class RedisServer:
    """A server on a port of its own, which can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        """Choose a free port; nothing is started yet."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        listen = ("--port", str(self.port), "--bind", "127.0.0.1")
        keep_nothing = ("--save", "", "--appendonly", "no", "--dir", str(self._folder))
        self._process = subprocess.Popen(
            ["redis-server", *listen, *keep_nothing], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_WITHIN_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError("redis-server does not listen")

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_WITHIN_SECONDS)
            self._process = None


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    """Run a server, or skip the test where none is installed."""
    if shutil.which("redis-server") is None:
        pytest.skip("Redis tests need redis-server")
    server = RedisServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
