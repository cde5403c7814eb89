"""How a connection ends: who still sends reads the answer, and nobody holds it for long."""

import asyncio
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from service.front.connection import Connection, Phase
from service.front.limits import Limits
from service.front.server import Front
from tests.front.conftest import App, Client, by_path, serving

BLOCK = b"x" * (1024 * 1024)
BLOCKS = 200
MEMORY_BYTES = 64 * 1024 * 1024
"""What a process may grow by meanwhile; a body that was kept would take three times as much."""
KIB = 1 if sys.platform == "darwin" else 1024
BAD = b"GET / HTTP/9.9\r\n\r\n"
"""What the server refuses by itself."""


def peak_bytes() -> int:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB


@pytest.mark.parametrize(
    ("path", "status"),
    [(b"/refuse", 401), (b"/", 200)],
    ids=["an upload that is refused", "a body too long to collect"],
)
def test_who_reads_only_after_sending_all_reads_the_answer(
    app: App, path: bytes, status: int
) -> None:
    before = peak_bytes()
    with serving(app, limits=Limits(), lane_of=by_path) as port:
        client = Client(port)
        with closing(client.socket):
            length = len(BLOCK) * BLOCKS
            client.send(
                b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (path, length)
            )
            for _ in range(BLOCKS):
                client.send(BLOCK)
            assert client.answer()[0] == status
            assert client.rest() == b""
    assert peak_bytes() - before < MEMORY_BYTES


class Clock:
    """The loop's time, as a test sets it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Transport(asyncio.Transport):
    """A client's end, as the connection sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_half_closed = False
        self.is_aborted = False
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_half_closed = True

    def is_closing(self) -> bool:
        return self.is_closed or self.is_aborted

    def resume_reading(self) -> None:
        assert not self.is_closing()

    def pause_reading(self) -> None:
        assert not self.is_closing()

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True


class Scene:
    """A server whose time stands still, and its clients. Nothing here has a socket or a thread."""

    def __init__(self, limits: Limits) -> None:
        async def made() -> Front:
            return Front(self._app, limits=limits, lanes={})

        # In a thread: a loop of the browser tests may run in this one.
        with ThreadPoolExecutor(1) as thread:
            self.front = thread.submit(lambda: asyncio.run(made())).result()
        self.clock = self.front.now = Clock()

    def client(self) -> tuple[Connection, Transport]:
        """Connect."""
        connection, transport = Connection(self.front), Transport()
        connection.connection_made(transport)
        return connection, transport

    def refused(self) -> tuple[Connection, Transport]:
        """Connect, and be refused."""
        connection, transport = self.client()
        connection.data_received(BAD)
        assert transport.written.startswith(b"HTTP/1.1 ")
        assert transport.is_half_closed
        assert connection.phase is Phase.ENDING
        return connection, transport

    def passes(self, seconds: float, *connections: Connection) -> None:
        """Let time pass, and the server look at its deadlines."""
        self.clock.seconds += seconds
        for each in connections:
            if each.deadline <= self.clock() or each.write_deadline <= self.clock():
                each.expire(self.clock())

    @staticmethod
    def _app(_environ: Any, _start_response: Any) -> Any:
        raise AssertionError("the server refuses by itself")


def test_a_client_that_goes_on_sending_slowly_has_time_to_read() -> None:
    scene = Scene(Limits())
    connection, transport = scene.refused()
    for _ in range(50):
        scene.passes(0.1, connection)
        connection.data_received(b"x" * 1000)
    assert not transport.is_closing()
    connection.eof_received()
    assert not transport.is_aborted


def test_a_client_that_sends_for_ever_is_ended() -> None:
    limits = Limits()
    scene = Scene(limits)
    connection, transport = scene.refused()
    for _ in range(int(limits.linger_seconds) - 1):
        scene.passes(1, connection)
        connection.data_received(b"x")
    assert not transport.is_closing()
    scene.passes(1, connection)
    assert transport.is_aborted


def test_a_client_that_neither_sends_nor_ends_is_ended_soon() -> None:
    limits = Limits()
    scene = Scene(limits)
    connection, transport = scene.refused()
    scene.passes(limits.linger_pause_seconds - 0.1, connection)
    assert not transport.is_closing()
    scene.passes(0.1, connection)
    assert transport.is_aborted


def test_a_client_that_sends_too_much_is_ended() -> None:
    connection, transport = Scene(Limits(linger_bytes=100)).refused()
    connection.data_received(b"x" * 60)
    connection.data_received(b"x" * 40)
    assert not transport.is_closing()
    connection.data_received(b"x")
    assert transport.is_aborted


def test_nothing_is_held_of_what_a_refused_client_sends() -> None:
    scene = Scene(Limits(held_bytes=50))
    connection, transport = scene.refused()
    connection.data_received(b"x" * 1000)
    assert not transport.is_closing()


def test_refused_clients_are_ended_where_there_are_too_many_connections() -> None:
    scene = Scene(Limits(connections=3))
    refused = [scene.refused() for _ in range(3)]
    _, newest = scene.client()
    assert [transport.is_aborted for _, transport in refused] == [True, False, False]
    assert not newest.is_closing()


def test_a_refused_client_may_be_idle_no_longer_than_another() -> None:
    limits = Limits()
    assert limits.linger_pause_seconds < limits.linger_seconds <= limits.idle_seconds
