"""Writes the answers of one connection: their framing, and whether another request may follow."""

import asyncio
import math
from http import HTTPStatus
from typing import TYPE_CHECKING

from service.front.answer import CONTINUE, LAST_CHUNK, Headers, chunk, head, problem, status_line
from service.front.exchange import Answer

if TYPE_CHECKING:
    from service.front.server import Front


class Writer:
    """Writes answers to a transport. The loop calls every method; each returns at once."""

    def __init__(self, front: "Front", transport: asyncio.Transport) -> None:
        """Write to this transport."""
        self.keeps_alive = True
        """Whether another request may follow. The head of each answer says so."""
        self.deadline = math.inf
        """When the client has to have read enough for writing to go on, in the loop's time."""
        self._front = front
        self._transport = transport
        self._is_chunked = False

    @property
    def is_free(self) -> bool:
        """Whether the client reads as fast as we write."""
        return self.deadline == math.inf

    def pause(self) -> None:
        """Note that the client reads more slowly than we write."""
        self.deadline = self._front.now() + self._front.limits.write_seconds

    def resume(self) -> None:
        """Note that the client has read enough."""
        self.deadline = math.inf

    def ask_for_body(self) -> None:
        """Tell a client that waits for it to send its body."""
        self._transport.write(CONTINUE)

    def answer(self, answer: Answer, *, is_11: bool) -> None:
        """Write an answer, or the beginning of a stream, to a client of HTTP/1.1 or of 1.0."""
        self._is_chunked = answer.is_stream and is_11
        if answer.is_stream and not is_11:
            self.keeps_alive = False  # only the end of the connection ends such an answer
        body = chunk(answer.body) if self._is_chunked and answer.body else answer.body
        framing = "Transfer-Encoding: chunked\r\n" if self._is_chunked else ""
        self._write(answer.status, answer.headers, body, framing=framing, is_11=is_11)

    def block(self, block: bytes) -> None:
        """Write the next block of a stream."""
        self._transport.write(chunk(block) if self._is_chunked else block)

    def end_stream(self, *, has_failed: bool) -> None:
        """End a stream. One that has failed is not to be taken for whole."""
        if has_failed:
            self.keeps_alive = False  # and no last chunk
        elif self._is_chunked:
            self._transport.write(LAST_CHUNK)

    def say_alive(self, *, is_head: bool) -> None:
        """Answer that this process answers."""
        headers, body = self._front.alive
        self._write(status_line(HTTPStatus.OK), headers, b"" if is_head else body)

    def refuse(self, status: HTTPStatus) -> None:
        """Answer without the app; no other request follows."""
        self.keeps_alive = False
        self._write(status_line(status), *problem(status))

    def _write(
        self,
        status: str,
        headers: Headers,
        body: bytes,
        *,
        framing: str = "",
        is_11: bool = True,
    ) -> None:
        """Write a head, and what there is of the body."""
        self.keeps_alive = self.keeps_alive and not self._front.is_stopping
        connection = "" if is_11 else "Connection: keep-alive\r\n"
        if not self.keeps_alive:
            connection = "Connection: close\r\n"
        start = head(status, headers, date=self._front.date, framing=framing, connection=connection)
        self._transport.write(start + body)
