"""One client's connection: requests in, one after the other, and their answers out.

Everything here runs on the loop and returns at once. Whatever waits for the client has a deadline,
which the server's sweep looks at.
"""

import asyncio
import io
import math
import socket
import struct
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from service.front.answer import CONTINUE, LAST_CHUNK, Headers, chunk, head, problem, status_line
from service.front.exchange import Answer, Exchange
from service.front.head import HeadError, Request
from service.front.reader import Reader, Stage
from service.front.upload import Upload

if TYPE_CHECKING:
    from service.front.server import Front

AHEAD_BYTES = 64 * 1024
"""So much of later requests is taken in while one is under way."""
MAPPED = "::ffff:"
"""Before the address of an IPv4 client on an IPv6 socket (RFC 4291, section 2.5.5.2)."""
ON_THIS_MACHINE = ("127.0.0.1", 0)
"""Stands for both ends of a Unix socket, which have no address."""
UPLOAD_BUFFER_BYTES = 64 * 1024
_RESET = struct.pack("ii", 1, 0)


class Phase(Enum):
    """What a connection waits for."""

    REQUEST = auto()
    """The client: for the rest of a request, or for the next one."""
    BUSY = auto()
    """The app."""
    STREAM = auto()
    """The app for the next block, or the client to take the last one."""
    ENDING = auto()
    """The client: to take the answer. What it still sends is dropped."""


class Connection(asyncio.Protocol):
    """Has requests answered in order, and writes the answers as fast as the client takes them."""

    def __init__(self, front: "Front") -> None:
        """Take the server that it belongs to."""
        self.deadline = front.now() + front.limits.head_seconds
        """When the client has to have done what `phase` waits for, in the loop's time."""
        self.write_deadline = math.inf
        """When the client has to have read enough for writing to go on."""
        self.phase = Phase.REQUEST
        self._front = front
        self._limits = front.limits
        self._reader = Reader(front.limits, front.lane_of)
        self._transport: asyncio.Transport = None  # type: ignore[assignment]
        self._held = 0
        self._request: Request | None = None
        self._exchange: Exchange | None = None
        self._is_fetching = False
        self._is_reading = True
        self._has_eof = False
        self._keeps_alive = True
        self._is_chunked = False

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        self._transport = cast(asyncio.Transport, transport)
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
        self._hold(0)
        if self._reader.upload is not None:
            self._reader.upload.break_off()
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        if exchange.claim():
            exchange.release()
        elif self.phase is Phase.STREAM and not self._is_fetching:
            exchange.close()
            exchange.release()
        # Otherwise a thread is at work, and what it reports finds nobody: see `_is_stale`.

    def data_received(self, data: bytes) -> None:
        """Take what came and do what it makes possible."""
        if self.phase is Phase.ENDING:
            return
        reader = self._reader
        reader.add(data)
        self._hold(self._held + len(data))
        if self.phase is Phase.REQUEST:
            self._advance()
        elif reader.upload is not None and not reader.upload.is_whole:
            self._feed_upload()
        elif reader.ahead_bytes > AHEAD_BYTES:
            self._read(False)

    def eof_received(self) -> bool:
        """Take the client's word that it sends no more; it may still wait for answers."""
        self._keeps_alive, self._has_eof = False, True
        if self.phase is Phase.REQUEST and self._reader.stage is not Stage.NOTHING:
            self._refuse(HTTPStatus.BAD_REQUEST)
        elif self._reader.upload is not None and not self._reader.upload.is_whole:
            self._reader.upload.break_off()
        return self.phase in (Phase.BUSY, Phase.STREAM)

    def pause_writing(self) -> None:
        """Note that the client reads more slowly than we write."""
        self.write_deadline = self._front.now() + self._limits.write_seconds

    def resume_writing(self) -> None:
        """Go on with a stream, or with the requests that wait behind the answer."""
        self.write_deadline = math.inf
        if self.phase is Phase.STREAM and not self._is_fetching:
            self._fetch()
        elif self.phase is Phase.REQUEST:
            self._advance()

    # What the server calls.

    def expire(self, now: float) -> None:
        """Do what follows from a deadline that is over."""
        if self.write_deadline <= now or self.phase is Phase.ENDING:
            self.drop()
        elif self.phase is Phase.REQUEST:
            if self._reader.stage is Stage.NOTHING:
                self._transport.close()
            else:
                self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif self.phase is Phase.BUSY:
            self.deadline = math.inf
            if self._exchange is not None and self._exchange.claim():
                self._exchange.release()
                self._exchange = None
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)

    def drop(self) -> None:
        """End at once; the kernel is not to keep what the client does not take, either."""
        taken = self._transport.get_extra_info("socket")
        if taken is not None and taken.fileno() >= 0:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def stop(self) -> None:
        """Take no further request. One that has begun to arrive has a moment left."""
        self._keeps_alive = False
        if self.phase is Phase.REQUEST:
            if self._reader.stage is Stage.NOTHING:
                self._transport.close()
            self.deadline = min(self.deadline, self._front.now() + self._limits.linger_seconds)

    # What an exchange calls.

    def answered(self, exchange: Exchange, answer: Answer) -> None:
        """Write an answer, or begin to."""
        if self._is_stale(exchange, is_open=answer.is_stream):
            return
        request = cast(Request, self._request)
        is_11 = request.environ["SERVER_PROTOCOL"] == "HTTP/1.1"
        self._is_chunked = answer.is_stream and is_11
        # The rest of a body is dropped with the connection, and only its end ends some answers.
        if not self._reader.has_read_all or (answer.is_stream and not is_11):
            self._keeps_alive = False
        body = chunk(answer.body) if self._is_chunked and answer.body else answer.body
        framing = "Transfer-Encoding: chunked\r\n" if self._is_chunked else ""
        self.deadline = math.inf
        self._write(answer.status, answer.headers, body, framing=framing, is_11=is_11)
        if answer.is_stream:
            self.phase = Phase.STREAM
            if self.write_deadline == math.inf:
                self._fetch()
        else:
            exchange.release()
            self._finish()

    def streamed(self, exchange: Exchange, block: bytes | None) -> None:
        """Write the next block of a stream, or end it."""
        self._is_fetching = False
        if self._is_stale(exchange, is_open=block is not None):
            return
        if block is not None:
            self._transport.write(chunk(block) if self._is_chunked else block)
            if self.write_deadline == math.inf:
                self._fetch()
            return
        exchange.release()
        if exchange.has_failed:
            self._keeps_alive = False  # a body without its last chunk is not taken for whole
        elif self._is_chunked:
            self._transport.write(LAST_CHUNK)
        self._finish()

    def _is_stale(self, exchange: Exchange, *, is_open: bool) -> bool:
        """Tell whether the client has gone meanwhile; then end the exchange."""
        if exchange is self._exchange:
            return False
        if is_open:
            exchange.close()
        exchange.release()
        return True

    def _fetch(self) -> None:
        if self._exchange is not None:
            self._is_fetching = True
            self._exchange.next_block()

    # Requests.

    def _advance(self) -> None:
        """Begin with each request that is there, until one has to be waited for.

        A client that does not read its answers gets no more of them, and is not read either.
        """
        while self.phase is Phase.REQUEST:
            if self.write_deadline != math.inf:
                self._read(False)
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
            self._request = request
            self._keeps_alive = self._keeps_alive and request.keeps_alive and not request.runs_over
            if request.length == 0 and self._front.asks_if_alive(request.method, request.path):
                status, (headers, body) = status_line(HTTPStatus.OK), self._front.alive
                self._write(status, headers, b"" if request.method == "HEAD" else body)
                self._reader.finish()
                self._await_next()
            else:
                self._start(request)

    def _await_more(self, before: Stage) -> None:
        """Read on, and give the client its time for what it has begun."""
        self._read(True)
        stage, limits = self._reader.stage, self._limits
        if stage is Stage.HEAD and before is Stage.NOTHING and self._request is not None:
            self.deadline = self._front.now() + limits.head_seconds
        elif stage is Stage.BODY and before is not Stage.BODY:
            self.deadline = self._front.now() + limits.body_seconds
            if self._reader.take_continue():
                self._transport.write(CONTINUE)

    def _start(self, request: Request) -> None:
        """Have the app answer."""
        self._front.waiting.pop(self, None)
        lane = self._front.lanes[request.lane]
        if not lane.enter():
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self.phase = Phase.BUSY
        self.deadline = self._front.now() + self._limits.queue_seconds
        if request.is_upload:
            upload = Upload(self._limits, lambda: self._front.call(self._want_upload))
            self._reader.begin_upload(upload)
            request.environ["wsgi.input"] = io.BufferedReader(upload, UPLOAD_BUFFER_BYTES)
            self._feed_upload()
        else:
            request.environ["wsgi.input"] = io.BytesIO(request.body)
        self._exchange = Exchange(
            self._front.app, request.environ, lane=lane, loop=self._front.loop, asker=self
        )

    def _feed_upload(self) -> None:
        if self._reader.feed_upload():
            self._read(False)
        self._hold(self._reader.ahead_bytes)

    def _want_upload(self) -> None:
        """Let the client send: the thread that reads its upload finds nothing there."""
        if self.phase is Phase.BUSY and self._reader.upload is not None:
            if self._reader.take_continue():
                self._transport.write(CONTINUE)
            self._read(True)

    def _finish(self) -> None:
        """Go on to the next request, or end the connection."""
        self._exchange = None
        if self._reader.finish():
            self._await_next()
            self._advance()
        else:
            self._linger()

    def _await_next(self) -> None:
        self._hold(self._reader.ahead_bytes)
        if not self._keeps_alive:
            self._end()
            return
        self.phase = Phase.REQUEST
        self.deadline = self._front.now() + self._limits.idle_seconds
        self._front.waiting.pop(self, None)
        self._front.waiting[self] = None

    # Writing and ending.

    def _write(
        self,
        status: str,
        headers: Headers,
        body: bytes,
        *,
        framing: str = "",
        is_11: bool = True,
    ) -> None:
        """Write a head, and what there is of the body; say whether the connection goes on."""
        self._keeps_alive = self._keeps_alive and not self._front.is_stopping
        connection = "" if is_11 else "Connection: keep-alive\r\n"
        if not self._keeps_alive:
            connection = "Connection: close\r\n"
        start = head(status, headers, date=self._front.date, framing=framing, connection=connection)
        self._transport.write(start + body)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer by ourselves, and end the connection."""
        self._keeps_alive = False
        self._write(status_line(status), *problem(status))
        self._linger()

    def _linger(self) -> None:
        """End the connection once the client has stopped sending, for a moment at most.

        Closed while there is something to read, it would be reset, and the answer lost with it.
        """
        if self._has_eof:
            self._end()
            return
        self._front.waiting.pop(self, None)
        self.phase = Phase.ENDING
        self.deadline = self._front.now() + self._limits.linger_seconds
        self._reader.clear()
        self._hold(0)
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()
        self._read(True)

    def _end(self) -> None:
        self._front.waiting.pop(self, None)
        self.phase = Phase.ENDING
        self.deadline = self._front.now() + self._limits.write_seconds
        self._transport.close()

    def _read(self, is_wanted: bool) -> None:
        if is_wanted is not self._is_reading and not self._transport.is_closing():
            self._is_reading = is_wanted
            if is_wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _hold(self, size: int) -> None:
        """Say how many bytes of requests are kept for this client."""
        change, self._held = size - self._held, size
        self._front.hold(change)
