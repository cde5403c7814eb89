"""One request on its way through the WSGI app (PEP 3333). Steps run in a lane's thread.

Results go back to the loop by `call_soon_threadsafe`, to the connection's `answered` and `sent`.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol
from wsgiref.types import WSGIApplication

import structlog

from service.front.answer import Headers, problem, status_line
from service.front.head import Environ
from service.front.lane import Lane
from service.log import error_fields

Report = Callable[[], None]
"""Tells the loop what came of a step."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app answers. `body` is all of it, or its first block where `is_stream`."""

    status: str
    headers: Headers
    body: bytes
    is_stream: bool = False


class Asker(Protocol):
    """Who waits for the answer. Called on the loop, never after the loop is closed."""

    def answered(self, exchange: "Exchange", answer: Answer) -> None:
        """Take the answer."""

    def streamed(self, exchange: "Exchange", block: bytes | None) -> None:
        """Take the next block; None is the end, and `exchange.has_failed` says of which kind."""


class Exchange:
    """A request that was admitted to a lane. `release` is to be called once it is over."""

    __slots__ = (
        "_app",
        "_asker",
        "_blocks",
        "_claim",
        "_context",
        "_environ",
        "_is_released",
        "_iterable",
        "_lane",
        "_loop",
        "has_failed",
    )

    def __init__(
        self,
        app: WSGIApplication,
        environ: Environ,
        *,
        lane: Lane,
        loop: asyncio.AbstractEventLoop,
        asker: Asker,
    ) -> None:
        """Take a place in the lane that was entered for it, and have a thread run it."""
        self._app = app
        self._environ = environ
        self._lane = lane
        self._loop = loop
        self._asker = asker
        self._claim = threading.Lock()
        self._iterable: Iterable[bytes] = ()
        self._blocks: Iterator[bytes] = iter(())
        self._is_released = False
        self.has_failed = False
        # Each step may have another thread. What the app keeps for the request (Flask's own
        # context, what every log line names) must be there in all of them.
        self._context = Context()
        self._in_thread(self._run)

    def claim(self) -> bool:
        """Take the right to decide its outcome; false if it is taken already."""
        return self._claim.acquire(blocking=False)

    def next_block(self) -> None:
        """Have a thread fetch the next block of a stream."""
        self._in_thread(self._fetch)

    def close(self) -> None:
        """Have a thread end a stream before its end. No other step may be under way."""
        self._in_thread(self._close)

    def release(self) -> None:
        """Give its place in the lane to another request."""
        if not self._is_released:
            self._is_released = True
            self._lane.leave()

    def _in_thread(self, step: Callable[[], Report | None]) -> None:
        def run() -> None:
            # Reported once the context is free: another thread may take the next step at once.
            if report := self._context.run(step):
                with suppress(RuntimeError):  # the loop has ended: nobody waits for it
                    self._loop.call_soon_threadsafe(report)

        self._lane.run(run)

    # In a thread:

    def _run(self) -> Report | None:
        if not self.claim():
            return None
        try:
            answer = self._begin()
        except Exception as error:  # noqa: BLE001 - one request's failure is not the server's
            _log.error("request failed", **error_fields(error))
            self._close()
            failed = HTTPStatus.INTERNAL_SERVER_ERROR
            answer = Answer(status_line(failed), *problem(failed))
        self._environ = {}
        return partial(self._asker.answered, self, answer)

    def _begin(self) -> Answer:
        started: list[tuple[str, list[tuple[str, str]]]] = []
        written: list[bytes] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _error: Any = None, /
        ) -> Callable[[bytes], object]:
            started[:] = [(status, headers)]
            return written.append

        self._iterable = self._app(self._environ, start_response)
        self._blocks = iter(self._iterable)
        first = next(self._blocks, b"")  # the app need not have begun its answer before
        status, headers = started[0]
        first = b"".join([*written, first])
        is_bodiless = self._environ["REQUEST_METHOD"] == "HEAD" or status[:3] in ("204", "304")
        length = next((value for name, value in headers if name.lower() == "content-length"), None)
        if is_bodiless or length is not None:
            body = b"" if is_bodiless else b"".join([first, *self._blocks])
            self._close()
            if not is_bodiless and str(len(body)) != length:
                raise ValueError("the answer is not as long as it says")
            return Answer(status, headers, body)
        return Answer(status, headers, first, is_stream=True)

    def _fetch(self) -> Report:
        block: bytes | None = None
        try:
            block = next((each for each in self._blocks if each), None)
        except Exception as error:  # noqa: BLE001 - the client must see that the body broke off
            _log.error("answer broke off", **error_fields(error))
            self.has_failed = True
        if block is None:
            self._close()
        return partial(self._asker.streamed, self, block)

    def _close(self) -> None:
        iterable, self._iterable, self._blocks = self._iterable, (), iter(())
        close = getattr(iterable, "close", None)
        if close is not None:
            try:
                close()
            except Exception as error:  # noqa: BLE001 - as above
                _log.error("closing an answer failed", error=type(error).__name__)
