"""One client's connection: requests in, one after the other, and their answers out.

Everything here runs on the loop and returns at once. Whatever waits for the client has a deadline,
which the server's sweep looks at.
"""

import asyncio
import math
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from service.front.head import HeadError, Request
from service.front.reader import Reader, Stage
from service.front.turn import Turn
from service.front.wire import Linger, Wire
from service.front.writer import Writer

if TYPE_CHECKING:
    from service.front.server import Front

AHEAD_BYTES = 64 * 1024
"""So much of later requests is taken in while one is under way."""
MAPPED = "::ffff:"
"""Before the address of an IPv4 client on an IPv6 socket (RFC 4291, section 2.5.5.2)."""
ON_THIS_MACHINE = ("127.0.0.1", 0)
"""Stands for both ends of a Unix socket, which have no address."""


class Phase(Enum):
    """What a connection waits for."""

    REQUEST = auto()
    """The client: for the rest of a request, or for the next one."""
    TURN = auto()
    """The app to answer, or the client to take its answer."""
    ENDING = auto()
    """The client: to take the last answer. What it still sends is dropped."""


class Connection(asyncio.Protocol):
    """Has requests answered in order, and writes the answers as fast as the client takes them."""

    _wire: Wire
    _writer: Writer

    def __init__(self, front: "Front") -> None:
        """Take the server that it belongs to."""
        self.deadline = front.now() + front.limits.head_seconds
        """When the client has to have done what `phase` waits for, in the loop's time."""
        self.phase = Phase.REQUEST
        self._front = front
        self._limits = front.limits
        self._reader = Reader(front.limits, front.lane_of)
        self._turn: Turn | None = None
        self._linger: Linger | None = None
        self._has_begun = False
        self._has_eof = False

    @property
    def write_deadline(self) -> float:
        """When the client has to have read enough for writing to go on."""
        return self._writer.deadline

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        transport = cast(asyncio.Transport, transport)
        self._wire = Wire(self._front, transport)
        self._writer = Writer(self._front, transport)
        peer = transport.get_extra_info("peername") or ON_THIS_MACHINE
        own = transport.get_extra_info("sockname")
        if not isinstance(own, tuple):  # a Unix socket, by its path
            own = ON_THIS_MACHINE
        self._reader.base = self._front.base | {
            "REMOTE_ADDR": peer[0].removeprefix(MAPPED),
            "REMOTE_PORT": str(peer[1]),
            "SERVER_NAME": own[0],
            "SERVER_PORT": str(own[1]),
        }
        self._front.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """End what is under way for this client."""
        self._front.remove(self)
        self._wire.hold(0)
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.leave()

    def data_received(self, data: bytes) -> None:
        """Take what came and do what it makes possible."""
        if self.phase is Phase.ENDING:
            self._forget(len(data))
            return
        self._reader.add(data)
        self._wire.hold_more(len(data))
        if self._turn is None:
            self._advance()
        elif self._turn.is_fed:
            self._turn.feed()
        elif self._reader.ahead_bytes > AHEAD_BYTES:
            self._wire.read(False)

    def eof_received(self) -> bool:
        """The client has finished sending; it may still wait for answers."""
        self._writer.keeps_alive, self._has_eof = False, True
        if self._turn is not None:
            self._turn.break_off()
        elif self.phase is Phase.REQUEST and self._reader.stage is not Stage.NOTHING:
            self._refuse(HTTPStatus.BAD_REQUEST)
        return self.phase is Phase.TURN

    def pause_writing(self) -> None:
        """Note that the client reads more slowly than we write."""
        self._writer.pause()

    def resume_writing(self) -> None:
        """Go on with a stream, or with the requests that wait behind the answer."""
        self._writer.resume()
        if self._turn is not None:
            self._turn.go_on()
        elif self.phase is Phase.REQUEST:
            self._advance()

    # What the server calls.

    def expire(self, now: float) -> None:
        """Do what follows from a deadline that is over."""
        if self.write_deadline <= now or self.phase is Phase.ENDING:
            self.drop()
        elif self._turn is not None:
            self.deadline = math.inf
            if self._turn.give_up():
                self._turn = None
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        elif self._reader.stage is Stage.NOTHING:
            self._wire.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def drop(self) -> None:
        """End at once, whatever the client has not taken yet."""
        self._wire.drop()

    def stop(self) -> None:
        """Take no further request. One that has begun to arrive has a moment left."""
        self._writer.keeps_alive = False
        if self.phase is Phase.REQUEST:
            if self._reader.stage is Stage.NOTHING:
                self._wire.close()
            self.deadline = min(self.deadline, self._front.now() + self._limits.begun_seconds)

    # Requests.

    def _advance(self) -> None:
        """Begin with each request that is there, until one has to be waited for.

        A client that does not read its answers gets none further, and is not read either.
        """
        while self.phase is Phase.REQUEST:
            if not self._writer.is_free:
                self._wire.read(False)
                return
            before = self._reader.stage
            try:
                request = self._reader.next()
            except HeadError as error:
                self._refuse(error.status)
                return
            if request is None:
                self._await_more(before)
                return
            self._has_begun = True
            if not request.keeps_alive or request.runs_over:
                self._writer.keeps_alive = False
            if request.length == 0 and self._front.asks_if_alive(request.method, request.path):
                self._writer.say_alive(is_head=request.method == "HEAD")
                self._reader.finish()
                self._await_next()
            else:
                self._start(request)

    def _await_more(self, before: Stage) -> None:
        """Read on, and give the client its time for what it has begun."""
        self._wire.read(True)
        stage, limits = self._reader.stage, self._limits
        if stage is Stage.HEAD and before is Stage.NOTHING and self._has_begun:
            self.deadline = self._front.now() + limits.head_seconds
        elif stage is Stage.BODY and before is not Stage.BODY:
            self.deadline = self._front.now() + limits.body_seconds
            if self._reader.take_continue():
                self._writer.ask_for_body()

    def _start(self, request: Request) -> None:
        """Have the app answer."""
        self._front.waiting.pop(self, None)
        lane = self._front.lanes[request.lane]
        if not lane.enter():
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self.phase = Phase.TURN
        self.deadline = self._front.now() + self._limits.queue_seconds
        self._turn = Turn(
            self._front,
            request,
            lane=lane,
            reader=self._reader,
            writer=self._writer,
            wire=self._wire,
            over=self._finish,
        )

    def _finish(self) -> None:
        """Go on to the next request, or end the connection."""
        self._turn = None
        if self._reader.finish():
            self._await_next()
            self._advance()
        else:
            self._end_in_order()

    def _await_next(self) -> None:
        self._wire.hold(self._reader.ahead_bytes)
        if not self._writer.keeps_alive:
            self._end()
            return
        self.phase = Phase.REQUEST
        self.deadline = self._front.now() + self._limits.idle_seconds
        self._wait_last()

    # Ending.

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer by ourselves, and end the connection."""
        self._writer.refuse(status)
        self._end_in_order()

    def _end_in_order(self) -> None:
        """End the connection once the client has stopped sending, or after a bounded time.

        Meanwhile it counts among those that are waited for, so it goes where there are too many.
        """
        if self._has_eof:
            self._end()
            return
        self.phase = Phase.ENDING
        self._linger = Linger(self._limits, self._front.now())
        self.deadline = self._linger.deadline(self._front.now())
        self._reader.clear()
        self._wire.hold(0)
        self._wire.half_close()
        self._wait_last()
        self._wire.read(True)

    def _forget(self, size: int) -> None:
        """Count what comes after the last answer."""
        if self._linger is None:
            return
        if self._linger.forget(size):
            self.deadline = self._linger.deadline(self._front.now())
        else:
            self.drop()

    def _end(self) -> None:
        self._front.waiting.pop(self, None)
        self.phase = Phase.ENDING
        self.deadline = self._front.now() + self._limits.write_seconds
        self._wire.close()

    def _wait_last(self) -> None:
        """Take the last place among the connections that wait for their client."""
        self._front.waiting.pop(self, None)
        self._front.waiting[self] = None
