"""A mail API that takes every mail: Postmark's `POST /email/batch`, as cheap as can be.

It runs in a process of its own and does not parse what it takes: it counts the mails of a batch by
a name that each holds once. `GET /` tells what it has taken, `DELETE /` forgets it, `GET /kept`
gives the first bodies back, so that a bare loop can post the same bytes.
"""

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field

_ONCE_A_MAIL = b'"MessageStream":'
KEPT_BODIES = 10


@dataclass(slots=True)
class Taken:
    """What came so far. Times are of the monotonic clock."""

    mails: int = 0
    calls: int = 0
    first_mails: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    kept: list[bytes] = field(default_factory=list)

    def add(self, body: bytes) -> bytes:
        count = body.count(_ONCE_A_MAIL)
        self.last_at = time.monotonic()
        if not self.calls:
            self.first_at, self.first_mails = self.last_at, count
        if len(self.kept) < KEPT_BODIES:
            self.kept.append(body)
        start = self.mails
        self.calls += 1
        self.mails += count
        return b"[%b]" % b",".join(
            b'{"ErrorCode":0,"Message":"OK","MessageID":"%d"}' % number
            for number in range(start, start + count)
        )


class Sink(asyncio.Protocol):
    """One kept-alive connection; a request at a time."""

    def __init__(self, taken: Taken, latency_seconds: float) -> None:
        self._taken = taken
        self._latency = latency_seconds
        self._buffer = bytearray()
        self._needed = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) < self._needed:
            return
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end])
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self._needed = end + 4 + length
        if len(self._buffer) < self._needed:
            return
        body = bytes(self._buffer[end + 4 : self._needed])
        del self._buffer[: self._needed]
        self._needed = 0
        answer = self._answer(head.split(b" ", 2), body)
        wire = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        wire %= (len(answer), answer)
        if self._latency and body:
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, wire)
        else:
            self._transport.write(wire)

    def _answer(self, request: list[bytes], body: bytes) -> bytes:
        match request[:2]:
            case [b"POST", _]:
                return self._taken.add(body)
            case [b"DELETE", _]:
                self._taken.__init__()  # type: ignore[misc] # forget all
                return b"{}"
            case [_, b"/kept"]:
                return json.dumps([body.decode() for body in self._taken.kept]).encode()
        return json.dumps(
            {
                "mails": self._taken.mails,
                "calls": self._taken.calls,
                "first_mails": self._taken.first_mails,
                "seconds": self._taken.last_at - self._taken.first_at,
            }
        ).encode()


async def serve(port: int, latency_seconds: float) -> None:
    """Listen until the process is ended."""
    taken = Taken()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(taken, latency_seconds), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, default=0)
    given = parser.parse_args()
    asyncio.run(serve(given.port, given.latency_ms / 1000))
