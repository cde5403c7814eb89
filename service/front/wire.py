"""One client's transport: whether it is read, how much of it is held in memory, and how it ends."""

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from service.front.limits import Limits

if TYPE_CHECKING:
    from service.front.server import Front

_RESET = struct.pack("ii", 1, 0)


class Wire:
    """All methods are the loop's and return at once."""

    def __init__(self, front: "Front", transport: asyncio.Transport) -> None:
        """Take the transport, which is read from the beginning."""
        self._front = front
        self._transport = transport
        self._held_bytes = 0
        self._is_read = True

    def read(self, is_wanted: bool) -> None:
        """Read what the client sends, or leave it to wait."""
        if is_wanted is not self._is_read and not self._transport.is_closing():
            self._is_read = is_wanted
            if is_wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def hold(self, size: int) -> None:
        """Say how many bytes of requests are kept for this client."""
        change, self._held_bytes = size - self._held_bytes, size
        self._front.hold(change)

    def hold_more(self, size: int) -> None:
        """Say that so many bytes came."""
        self.hold(self._held_bytes + size)

    def half_close(self) -> None:
        """Tell the client that nothing follows. It may still send."""
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        """End once the client has taken what was written."""
        self._transport.close()

    def drop(self) -> None:
        """End at once; the kernel is not to keep what the client does not take, either."""
        taken = self._transport.get_extra_info("socket")
        if taken is not None and taken.fileno() >= 0:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()


class Linger:
    """The time after the last answer, in which the client may end (RFC 9112, section 9.6).

    Many clients read only once they have sent all. Closed while there is something to read, the
    connection would be reset, and the answer lost. So what still comes is read and forgotten, for a
    bounded time and up to a bounded size.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        """Begin at `now`, in the loop's time, once the answer is written and our side is closed."""
        self._pause_seconds = limits.linger_pause_seconds
        self._until = now + limits.linger_seconds
        self._left_bytes = limits.linger_bytes

    def deadline(self, now: float) -> float:
        """Return when the client has to have sent more, or to have ended."""
        return min(self._until, now + self._pause_seconds)

    def forget(self, size: int) -> bool:
        """Count bytes that came and were not kept; false where they are too many."""
        self._left_bytes -= size
        return self._left_bytes >= 0
