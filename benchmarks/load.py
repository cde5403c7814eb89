"""The load generator: `wrk` where it is installed, otherwise a plain loop over sockets.

Both keep 16 connections busy with one request each. `wrk` costs little CPU; the built-in loop
shares the machine's cores with what it measures, so that its rates are lower throughout. The report
says which one was used.
"""

import re
import selectors
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 16
SCRIPT = Path(__file__).with_name("load.lua")
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Requests:
    """What to send: each path and body once, in order."""

    method: str
    content_type: str
    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    answers: int
    seconds: float
    refusals: int
    """Answers that were not 2xx or 3xx, and broken connections."""
    median_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def generator() -> str:
    """Say what sends the requests."""
    if shutil.which("wrk"):
        return f"wrk, {CONNECTIONS} connections"
    return f"built-in loop, {CONNECTIONS} connections (wrk is not installed: all rates are lower)"


def send(port: int, what: Requests, *, seconds: float, folder: Path) -> Result:
    """Keep the connections busy for `seconds`. There must be more to send than can be sent."""
    if shutil.which("wrk"):
        return _send_by_wrk(port, what, seconds=seconds, folder=folder)
    return _send_by_loop(port, what, seconds=seconds)


def _send_by_wrk(port: int, what: Requests, *, seconds: float, folder: Path) -> Result:
    file = folder / "requests.txt"
    with file.open("w") as out:
        out.writelines(f"{path}\t{body}\n" for path, body in what.lines)
    found = subprocess.run(
        ["wrk", "--threads", "1", "--connections", str(CONNECTIONS),
         "--duration", f"{max(1, round(seconds))}s", "--script", str(SCRIPT),
         f"http://127.0.0.1:{port}", "--", str(file), what.method, what.content_type],
        check=True, capture_output=True, text=True, timeout=seconds + 60,
    ).stdout  # fmt: skip
    match = re.search(r"RESULT (\d+) (\S+) (\d+) (\d+) (\S+) (\S+)\s+USED_UP (\d+)", found)
    assert match is not None, found
    assert match[7] == "0", "there were too few requests prepared for this machine"
    return Result(
        answers=int(match[1]),
        seconds=float(match[2]),
        refusals=int(match[3]) + int(match[4]),
        median_ms=float(match[5]),
        p99_ms=float(match[6]),
    )


class _Connection:
    """A kept-alive connection with one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.sent_at = 0.0

    def send(self, wire: bytes) -> None:
        self.buffer = b""
        self.sent_at = time.monotonic()
        self.socket.sendall(wire)

    def read(self) -> int | None:
        """Return the status once the answer is whole."""
        data = self.socket.recv(65536)
        assert data, "the server closed a connection"
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        assert length is not None, "the answer has no length"
        return int(head[9:12]) if len(body) >= int(length[1]) else None


def _send_by_loop(port: int, what: Requests, *, seconds: float) -> Result:
    head = (
        f"{what.method} {{}} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: {what.content_type}\r\nContent-Length: {{}}\r\n\r\n{{}}"
    )
    lines = iter(what.lines)

    def next_wire() -> bytes:
        path, body = next(lines)
        return head.format(path, len(body), body).encode()

    times: list[float] = []
    refusals = 0
    with selectors.DefaultSelector() as selector:
        connections = [_Connection(port) for _ in range(CONNECTIONS)]
        start = time.monotonic()
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(next_wire())
        while (now := time.monotonic()) < start + seconds:
            for key, _ in selector.select(timeout=1):
                connection = key.data
                status = connection.read()
                if status is not None:
                    times.append(now - connection.sent_at)
                    refusals += not 200 <= status < 400
                    connection.send(next_wire())
        took = time.monotonic() - start
        for connection in connections:
            connection.socket.close()
    cuts = statistics.quantiles(times, n=100)
    return Result(
        answers=len(times),
        seconds=took,
        refusals=refusals,
        median_ms=cuts[49] * 1000,
        p99_ms=cuts[98] * 1000,
    )
