"""A server on the loopback around a small WSGI app, with deadlines of a moment."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar
from wsgiref.types import WSGIApplication

import pytest

from service.front.limits import LaneLimits, LaneName, LaneOf, Limits
from service.front.server import Front

PATIENCE_SECONDS = 20
SHORT = Limits(
    head_seconds=0.5,
    body_seconds=0.5,
    queue_seconds=0.5,
    write_seconds=0.5,
    idle_seconds=1,
    linger_seconds=1,
    stop_seconds=5,
)
LANES = {
    LaneName.REQUESTS: LaneLimits(threads=2, admitted=4),
    LaneName.EXPORTS: LaneLimits(threads=2, admitted=2),
    LaneName.IMPORTS: LaneLimits(threads=2, admitted=2),
}


@dataclass
class App:
    """A WSGI app that tells what it was asked, and may be made to wait."""

    bodies: list[bytes] = field(default_factory=list)
    errors: list[type[Exception]] = field(default_factory=list)
    environs: list[dict[str, Any]] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        self.environs.append(environ)
        path = environ["PATH_INFO"]
        if path == "/refuse":  # without a look at the body
            start_response("401 Unauthorized", [("Content-Length", "2")])
            return [b"no"]
        if path == "/fail":
            raise ValueError("secret")
        if path == "/wait":
            self.entered.release()
            self.gate.wait(PATIENCE_SECONDS)
        if path.startswith("/stream"):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return self._stream(path)
        try:
            body = environ["wsgi.input"].read()
        except OSError as error:
            self.errors.append(type(error))
            start_response("400 Bad Request", [("Content-Length", "6")])
            return [b"broken"]
        self.bodies.append(body)
        start_response("200 OK", [("Content-Length", str(len(body))), ("X-Path", path)])
        return [body]

    def _stream(self, path: str) -> Iterator[bytes]:
        try:
            for number in range(2000 if path == "/stream/long" else 3):
                yield b"%d," % number if path != "/stream/long" else b"x" * 65536
                if path == "/stream/fail":
                    raise ValueError("secret")
        finally:
            self.closed.set()


class Client:
    """A socket, and what is usually done with it. Each test closes all that it opened."""

    opened: ClassVar[list[socket.socket]] = []

    def __init__(self, port: int, *, buffer_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        if buffer_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.opened.append(self.socket)
        self._ahead = b""
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect(("127.0.0.1", port))

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def rest(self) -> bytes:
        """Return all that comes until the server ends."""
        found = bytearray(self._ahead)
        while data := self.socket.recv(65536):
            found += data
        return bytes(found)

    def answer(self) -> tuple[int, bytes]:
        """Return status and body of an answer that says its length."""
        found = self._ahead
        while b"\r\n\r\n" not in found:
            found += self._more()
        head, _, body = found.partition(b"\r\n\r\n")
        (length,) = (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        while len(body) < length:
            body += self._more()
        self._ahead = body[length:]  # the next answer may have come with it
        return int(head.split()[1]), body[:length]

    def is_ended(self) -> bool:
        """Wait for the server to end the connection, in good order or not."""
        try:
            self.rest()
        except ConnectionError:
            return True
        return True

    def _more(self) -> bytes:
        data = self.socket.recv(65536)
        assert data, "the connection has ended"
        return data


@contextmanager
def serving(
    app: WSGIApplication,
    *,
    limits: Limits = SHORT,
    lane_of: LaneOf = lambda _method, _path: LaneName.REQUESTS,
) -> Iterator[int]:
    """Serve on a port of the loopback, in a thread."""
    listening = socket.create_server(("127.0.0.1", 0))
    ready: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    is_ready = threading.Event()

    async def main() -> None:
        stop = asyncio.Event()
        ready.append((asyncio.get_running_loop(), stop))
        is_ready.set()
        front = Front(
            app,
            limits=limits,
            lanes=LANES,
            lane_of=lane_of,
            alive_paths=frozenset({"/healthz"}),
        )
        await front.serve(listening, stop)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert is_ready.wait(PATIENCE_SECONDS)
    loop, stop = ready[0]
    try:
        yield listening.getsockname()[1]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
        listening.close()


def by_path(_method: str, path: str) -> LaneName:
    """Tell the lane by the first word of the path."""
    if path.startswith("/stream"):
        return LaneName.EXPORTS
    return LaneName.IMPORTS if path.startswith(("/upload", "/refuse")) else LaneName.REQUESTS


@pytest.fixture
def app() -> Iterator[App]:
    """The app; whoever waits in it is let go at the end."""
    made = App()
    yield made
    made.gate.set()


@pytest.fixture
def port(app: App) -> Iterator[int]:
    """The port of a running server."""
    with serving(app, lane_of=by_path) as found:
        try:
            yield found
        finally:
            app.gate.set()


@pytest.fixture
def client(port: int) -> Client:
    """A client of it."""
    return Client(port)


@pytest.fixture(autouse=True)
def _no_client_stays() -> Iterator[None]:
    yield
    while Client.opened:
        Client.opened.pop().close()
