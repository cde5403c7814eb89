"""A body that the app reads while it comes in. Only a thread that reads it waits, and only so long.

The loop feeds it, one thread reads it.
"""

import io
import time
from collections import deque
from collections.abc import Callable
from threading import Condition

from service.front.limits import Limits

ENOUGH_BYTES = 256 * 1024
"""So much lies ready before the client is kept waiting."""


class Upload(io.RawIOBase):
    """`wsgi.input` for long bodies.

    Reading raises `ConnectionError` where the body broke off and `TimeoutError` where the client is
    too slow; what is returned before that is what came, so a reader must not take it for whole.
    """

    def __init__(self, limits: Limits, wanted: Callable[[], None]) -> None:
        """`wanted` is called in the reading thread whenever there is nothing left to read."""
        self._limits = limits
        self._wanted = wanted
        self._changed = Condition()
        self._pieces: deque[bytes] = deque()
        self._ready_bytes = 0
        self._read_bytes = 0
        self._waited_seconds = 0.0
        self._is_whole = False
        self._is_broken = False

    def feed(self, data: bytes) -> bool:
        """Take what came; return whether it is enough for now."""
        with self._changed:
            self._pieces.append(data)
            self._ready_bytes += len(data)
            self._changed.notify()
            return self._ready_bytes >= ENOUGH_BYTES

    def end(self) -> None:
        """Say that the body is whole."""
        with self._changed:
            self._is_whole = True
            self._changed.notify()

    def break_off(self) -> None:
        """Say that an incomplete body has ended."""
        with self._changed:
            self._is_broken = True
            self._changed.notify()

    @property
    def is_whole(self) -> bool:
        """Whether all of it came."""
        return self._is_whole

    def readable(self) -> bool:
        """Return true: it is a file to read."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Read up to a buffer full; 0 at the end of a whole body."""
        with self._changed:
            if not self._pieces and not self._is_whole:
                self._wait()
            if not self._pieces:
                return 0
            piece = self._pieces.popleft()
            part, rest = piece[: len(buffer)], piece[len(buffer) :]
            if rest:
                self._pieces.appendleft(rest)
            buffer[: len(part)] = part
            self._ready_bytes -= len(part)
            self._read_bytes += len(part)
            return len(part)

    def _wait(self) -> None:
        began = time.monotonic()
        allowed = self._limits.body_seconds
        earned = self._read_bytes / self._limits.upload_bytes_a_second
        until = began + min(allowed, allowed + earned - self._waited_seconds)
        self._wanted()
        while not (self._pieces or self._is_whole):
            if self._is_broken:
                raise ConnectionError("the body broke off")
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the body comes too slowly")
            self._changed.wait(left)
        self._waited_seconds += time.monotonic() - began
