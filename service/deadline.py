"""One deadline over a whole conversation: looking a name up, connecting, TLS, writing and reading.

The standard library bounds each single read, so a peer that sends a byte a second can hold a caller
for as long as it likes. Here each step gets only what is left. Nothing is cut off by another
thread: a step that would run over raises `TimeoutError`.
"""

import io
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

CHUNK_BYTES = 16 * 1024
"""What is written at once: one TLS record, so that each waits for no longer than what is left."""
MAX_LOOKUPS = 32
"""How many look-ups may be under way: one that hangs cannot be ended, only left behind."""

AddressInfo = tuple[Any, ...]
"""Family, type, protocol, canonical name and socket address, as `socket.getaddrinfo` has them."""
Resolver = Callable[..., Sequence[AddressInfo]]

_T = TypeVar("_T")
_lookups = threading.BoundedSemaphore(MAX_LOOKUPS)


class Deadline:
    """A moment by which all has to be done. Safe to use from several threads."""

    def __init__(self, seconds: float) -> None:
        """Begin now."""
        self._ends = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is left."""
        return time.monotonic() >= self._ends

    def left(self, at_most: float = float("inf")) -> float:
        """Return how many seconds are left, or `at_most`; raise `TimeoutError` where none are."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return min(left, at_most)

    def within(self, seconds: float) -> "Deadline":
        """Return a deadline for the first part of the same conversation."""
        return Deadline(min(seconds, max(0.0, self._ends - time.monotonic())))


def bounded(function: Callable[[], _T], seconds: float) -> _T:
    """Return what a function that knows no timeout returns; raise `TimeoutError` in its place.

    It runs on in a thread of its own, which ends with it.
    """
    result: Future[_T] = Future()

    def run() -> None:
        try:
            result.set_result(function())
        except BaseException as error:  # noqa: BLE001 - handed on to the caller that waits
            result.set_exception(error)
        finally:
            _lookups.release()

    if not _lookups.acquire(timeout=seconds):
        raise TimeoutError("timed out")
    threading.Thread(target=run, name="look-up", daemon=True).start()
    return result.result(seconds)


def look_up(
    host: str, port: int, deadline: Deadline, *, resolver: Resolver = socket.getaddrinfo
) -> Sequence[AddressInfo]:
    """Return where a name leads. Raises `OSError`, of which `TimeoutError` is one."""
    try:
        return bounded(lambda: resolver(host, port, type=socket.SOCK_STREAM), deadline.left())
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from None


def connect(addresses: Sequence[AddressInfo], deadline: Deadline) -> socket.socket:
    """Return a connection to the first of the addresses that takes one. Raises `OSError`.

    Each may use its share of what is left, so that one that is silent does not hide the next.
    """
    failure: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(deadline.left() / (len(addresses) - place))
            sock.connect(address)
            sock.settimeout(deadline.left())
        except OSError as error:
            failure = error
            if sock is not None:
                sock.close()
        else:
            return sock
    raise failure


class _TimedReader(io.RawIOBase):
    """Reads from a socket, and waits for no longer than is left."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def timed_reader(sock: socket.socket, left: Callable[[], float]) -> io.BufferedReader:
    """Return a file of what comes in; `left` says before each read how long it may take.

    Raises `TimeoutError` as `left` does.
    """
    return io.BufferedReader(_TimedReader(sock, left))


def send_all(send: Callable[[bytes], object], data: bytes, limit: Callable[[], object]) -> None:
    """Write bytes piece by piece; `limit` sets what each may take."""
    for start in range(0, len(data), CHUNK_BYTES):
        limit()
        send(data[start : start + CHUNK_BYTES])
