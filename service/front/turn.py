"""One request that was admitted: the app runs, its upload is handed on, its answer is written."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from service.front.exchange import Answer, Exchange
from service.front.head import Request
from service.front.lane import Lane
from service.front.reader import Reader
from service.front.upload import Upload
from service.front.wire import Wire
from service.front.writer import Writer

if TYPE_CHECKING:
    from service.front.server import Front

UPLOAD_BUFFER_BYTES = 64 * 1024


class Turn:
    """Goes on as the app, the client and the threads let it. All methods are the loop's."""

    def __init__(
        self,
        front: "Front",
        request: Request,
        *,
        lane: Lane,
        reader: Reader,
        writer: Writer,
        wire: Wire,
        over: Callable[[], None],
    ) -> None:
        """Have a thread of the lane that was entered run it. `over` is called after its answer."""
        self._front = front
        self._request = request
        self._reader = reader
        self._writer = writer
        self._wire = wire
        self._over = over
        self._is_answered = False
        self._is_fetching = False
        self._has_nobody = False
        if request.is_upload:
            upload = Upload(front.limits, lambda: front.call(self._want_upload))
            reader.begin_upload(upload)
            request.environ["wsgi.input"] = io.BufferedReader(upload, UPLOAD_BUFFER_BYTES)
            self.feed()
        else:
            request.environ["wsgi.input"] = io.BytesIO(request.body)
        self._exchange = Exchange(
            front.app, request.environ, lane=lane, loop=front.loop, asker=self
        )

    # What the connection calls.

    @property
    def is_fed(self) -> bool:
        """Whether what comes belongs to this request's upload."""
        return self._reader.upload is not None and not self._reader.upload.is_whole

    def feed(self) -> None:
        """Hand on what came of the upload."""
        if self._reader.feed_upload():
            self._wire.read(False)
        self._wire.hold(self._reader.ahead_bytes)

    def break_off(self) -> None:
        """Note that an incomplete upload has ended."""
        if self._reader.upload is not None and not self._reader.upload.is_whole:
            self._reader.upload.break_off()

    def go_on(self) -> None:
        """Fetch the next block of a stream: the client has taken the last one."""
        if self._is_answered and not self._is_fetching:
            self._fetch()

    def give_up(self) -> bool:
        """End it where no thread has begun with it; false where one has."""
        if not self._exchange.claim():
            return False
        self._has_nobody = True
        self._exchange.release()
        return True

    def leave(self) -> None:
        """End it as soon as may be: the client has gone."""
        self.break_off()
        if self.give_up():
            return
        self._has_nobody = True
        if self._is_answered and not self._is_fetching:
            self._exchange.close()
            self._exchange.release()
        # Otherwise a thread is at work, and what it reports finds nobody.

    # What the exchange calls.

    def answered(self, exchange: Exchange, answer: Answer) -> None:
        """Write an answer, or begin to."""
        if self._has_nobody:
            self._end_late(exchange, is_open=answer.is_stream)
            return
        self._is_answered = True
        if not self._reader.has_read_all:
            self._writer.keeps_alive = False  # the rest of the body goes with the connection
        is_11 = self._request.environ["SERVER_PROTOCOL"] == "HTTP/1.1"
        self._writer.answer(answer, is_11=is_11)
        if not answer.is_stream:
            exchange.release()
            self._over()
        elif self._writer.is_free:
            self._fetch()

    def streamed(self, exchange: Exchange, block: bytes | None) -> None:
        """Write the next block of a stream, or end it."""
        self._is_fetching = False
        if self._has_nobody:
            self._end_late(exchange, is_open=block is not None)
        elif block is not None:
            self._writer.block(block)
            if self._writer.is_free:
                self._fetch()
        else:
            exchange.release()
            self._writer.end_stream(has_failed=exchange.has_failed)
            self._over()

    @staticmethod
    def _end_late(exchange: Exchange, *, is_open: bool) -> None:
        """End what a thread was at work on when the client went."""
        if is_open:
            exchange.close()
        exchange.release()

    def _fetch(self) -> None:
        self._is_fetching = True
        self._exchange.next_block()

    def _want_upload(self) -> None:
        """Let the client send: the thread that reads its upload finds nothing there."""
        if self._is_answered or self._has_nobody or self._reader.upload is None:
            return
        if self._reader.take_continue():
            self._writer.ask_for_body()
        self._wire.read(True)
