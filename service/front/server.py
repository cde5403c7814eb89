"""The server: takes connections, ends those that are too slow, and stops in order."""

import asyncio
import math
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from wsgiref.types import WSGIApplication

from service.front.answer import alive, http_date
from service.front.connection import Connection, Phase
from service.front.head import Environ
from service.front.lane import Lane
from service.front.limits import LANES, LaneLimits, LaneName, LaneOf, Limits

BACKLOG = 2048
SWEEP_SECONDS = 0.25
STOP_LOOK_SECONDS = 0.05
SPARE_FILES = 256
"""Open files that are not clients' connections: the database's, logs, uploads on disk."""
UNSENT_BYTES = 128 * 1024
"""What the kernel takes of an answer beyond what is on its way. Without this a client that stops
reading would be noticed only after megabytes."""


class Front:
    """Serves a WSGI app on one listening socket. Everything but the app runs on one loop."""

    def __init__(
        self,
        app: WSGIApplication,
        *,
        lane_of: LaneOf = lambda _method, _path: LaneName.REQUESTS,
        alive_paths: frozenset[str] = frozenset(),
        limits: Limits | None = None,
        lanes: Mapping[LaneName, LaneLimits] = LANES,
    ) -> None:
        """Take the app and start the threads; call this inside the running loop.

        `alive_paths` are answered by the loop itself, however busy all threads are.
        """
        self.app = app
        self.lane_of = lane_of
        self.alive_paths = alive_paths
        self.limits = limits or Limits()
        self.lanes = {name: Lane(name, each) for name, each in lanes.items()}
        self.loop = asyncio.get_running_loop()
        self.now = self.loop.time
        self.alive = alive()
        self.date = http_date()
        self.is_stopping = False
        self.waiting: dict[Connection, None] = {}
        """Connections that wait for their client to send, the longest waiting first."""
        self.base: Environ = {
            "SCRIPT_NAME": "",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            # Our inputs end where the body does, and raise where it breaks off.
            "wsgi.input_terminated": True,
        }
        self._connections: set[Connection] = set()
        self._held_bytes = 0

    async def serve(self, sock: socket.socket, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; then let the requests under way end."""
        _notice_slow_readers(sock)
        # One connection at a time, so that idle processes on the same socket get their share.
        server = await self.loop.create_server(lambda: Connection(self), sock=sock, backlog=1)
        sock.listen(BACKLOG)
        sweeping = self.loop.create_task(self._sweep())
        try:
            await stop.wait()
        finally:
            server.close()
            await self._stop()
            sweeping.cancel()

    def add(self, connection: Connection) -> None:
        """Count a connection; where there are too many, the longest waiting one ends."""
        self._connections.add(connection)
        self.waiting[connection] = None
        if len(self._connections) > self.limits.connections:
            self._drop_longest_waiting()

    def remove(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)
        self.waiting.pop(connection, None)

    def hold(self, size: int) -> None:
        """Count bytes of requests; above the limit, the longest waiting ends."""
        self._held_bytes += size
        if size > 0 and self._held_bytes > self.limits.held_bytes:
            self._drop_longest_waiting()

    def asks_if_alive(self, method: str, path: str) -> bool:
        """Tell whether a request only asks if this process answers."""
        return path in self.alive_paths and method in ("GET", "HEAD")

    def call(self, what: Callable[[], None]) -> None:
        """Have the loop call this soon; from any thread."""
        with suppress(RuntimeError):  # the loop has ended
            self.loop.call_soon_threadsafe(what)

    def _drop_longest_waiting(self) -> None:
        longest = next(iter(self.waiting), None)
        if longest is not None:
            del self.waiting[longest]
            longest.drop()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.date = http_date()
            now = self.now()
            for each in list(self._connections):
                if each.deadline <= now or each.write_deadline <= now:
                    each.expire(now)

    async def _stop(self) -> None:
        self.is_stopping = True
        for each in list(self._connections):
            each.stop()
        until = self.now() + self.limits.stop_seconds
        while self.now() < until and any(
            each.phase is not Phase.ENDING for each in self._connections
        ):
            await asyncio.sleep(STOP_LOOK_SECONDS)
        await asyncio.sleep(STOP_LOOK_SECONDS)  # the last answers leave
        for each in list(self._connections):
            each.drop()
        await asyncio.sleep(0)


def run(
    app: WSGIApplication,
    sock: socket.socket,
    *,
    lane_of: LaneOf,
    alive_paths: frozenset[str],
    stop_signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT),
) -> None:
    """Serve on a bound socket until one of the signals comes, in this process alone."""
    limits = Limits()
    limits = Limits(connections=_connections_at_most(limits.connections))

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in stop_signals:
            loop.add_signal_handler(number, stop.set)
        front = Front(app, lane_of=lane_of, alive_paths=alive_paths, limits=limits)
        await front.serve(sock, stop)

    asyncio.run(main())


def _connections_at_most(wanted: int) -> int:
    """Raise the limit of open files as far as it is allowed; return how many may be clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = math.inf if hard == resource.RLIM_INFINITY else hard
    aimed = int(min(most, wanted + SPARE_FILES))
    if soft != resource.RLIM_INFINITY and soft < aimed:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (aimed, hard))
            soft = aimed
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, max(64, soft - SPARE_FILES))


def _notice_slow_readers(sock: socket.socket) -> None:
    """Bound what the kernel takes of answers; connections inherit it from the listening socket."""
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if option is not None:
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, option, UNSENT_BYTES)
