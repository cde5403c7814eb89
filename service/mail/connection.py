"""HTTP connections that know whether a request has left: what tells "not sent" from "unknown".

`requests` reports a refused connection and an answer that never came with the same class. So each
connection notes, for the thread that drives it, when it has handed over the last byte of a request.
"""

import threading
import time
from dataclasses import dataclass
from http.client import HTTPResponse, IncompleteRead
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

MAX_IDLE_SECONDS = 4.0
"""A connection that lay idle for longer is not used again. Servers close idle ones too, the busiest
kinds after 5 s; a request that meets such a close on its way has an unknown outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a call to a mail API may take. All in seconds; a call fits into a 30 s lease."""

    connect_seconds: float = 5.0
    """To open a connection, TLS included."""
    read_seconds: float = 10.0
    """To wait for the next bytes of an answer."""
    total_seconds: float = 20.0
    """For the whole call: an answer that trickles in is given up on after this."""


class _Progress(threading.local):
    sent = False


_progress = _Progress()


def begin() -> None:
    """Note that this thread is about to make a request."""
    _progress.sent = False


def was_sent() -> bool:
    """Tell whether this thread's latest request was handed to the network with its last byte.

    False is certain: the API cannot have read the request whole. True is not: it may have.
    """
    return _progress.sent


class _Lines:
    """A file that remembers the last line that was read from it."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.last = b""

    def readline(self, limit: int) -> bytes:
        self.last = self.file.readline(limit)
        return self.last

    def close(self) -> None:
        self.file.close()


class _WholeHeadResponse(HTTPResponse):
    """An answer whose head has to end in an empty line: the stdlib takes half a head for one."""

    def begin(self) -> None:
        self.fp: Any
        lines = self.fp = _Lines(self.fp)
        try:
            super().begin()
        finally:
            if self.fp is lines:
                self.fp = lines.file
        if not lines.last:
            raise IncompleteRead(b"")


class _HttpConnection(HTTPConnection):
    response_class = _WholeHeadResponse
    _used_at = 0.0

    @property
    def is_connected(self) -> bool:
        """Tell the pool whether this connection may carry another request."""
        is_fresh = time.monotonic() - self._used_at < MAX_IDLE_SECONDS
        return is_fresh and super().is_connected

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send one request whole, and note it."""
        _progress.sent = False
        super().request(*args, **kwargs)
        _progress.sent = True
        self._used_at = time.monotonic()


class _HttpsConnection(_HttpConnection, HTTPSConnection):
    """The same over TLS."""


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class NotingAdapter(HTTPAdapter):
    """Keep-alive connections that note what they sent. Nothing is ever retried by itself."""

    def __init__(self, pool_size: int) -> None:
        """Keep up to `pool_size` idle connections: as many as there are concurrent calls."""
        super().__init__(pool_connections=1, pool_maxsize=pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool manager, with our connections in it."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
