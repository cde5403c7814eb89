"""Real programs to talk to: Mailpit and Prism. Tests skip, and say so, where one is missing."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DESCRIPTIONS = ROOT.parent / "shared" / "mail-apis"


def program(name: str, *places: str) -> str:
    """Return the path of a program, or skip the test."""
    folders = [str(ROOT / place) for place in places]
    found = shutil.which(name) or shutil.which(name, path=":".join(folders))
    if found is None:
        pytest.skip(f"{name} is not installed (make peers)")
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str], *ports: int) -> Iterator[None]:
    """Run a server until the block ends; the block begins once it listens on all ports."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for port in ports:
            _wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    pause = threading.Event()
    for _ in range(300):
        assert process.poll() is None, f"{process.args!r} ended by itself"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            pause.wait(0.1)
        else:
            return
    pytest.fail(f"nothing listens on port {port}")
