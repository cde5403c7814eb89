"""Calls to other systems over HTTP: one session factory for all of them.

A call has one deadline over everything: look-up, connect, TLS, request, head and body. The answer
has a size limit. Proxies, cookies and `.netrc` of the environment are not used, and redirects are
not followed. `requests` reports a refused connection and an answer that never came with the same
class, so each connection notes, for the thread that drives it, what it has sent.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPResponse, IncompleteRead
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)

from service.deadline import AddressInfo, Deadline, connect, look_up, send_all, timed_reader

MAX_IDLE_SECONDS = 4.0
"""A connection that lay idle for longer is not used again. Servers close idle ones too, the busiest
kinds after 5 s; a request that meets such a close on its way has an unknown outcome."""
_READ_BYTES = 65536
_CUT_AFTER_SECONDS = 1.0

LookUp = Callable[[str, int, Deadline], Sequence[AddressInfo]]
"""Says where a name leads, and may refuse to. Only what it returns is connected to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a call may take, in seconds, and how much it may answer."""

    connect_seconds: float = 5.0
    """To look the name up and open a connection, TLS included."""
    read_seconds: float = 10.0
    """To wait for the next bytes of an answer."""
    total_seconds: float = 20.0
    """For the whole call."""
    answer_bytes: int = 4 * 2**20
    is_cut: bool = False
    """Whether a longer answer is cut off there, and a body that does not come within a second is
    left out: for a caller that wants the status alone. Otherwise `AnswerTooLargeError`."""


class AnswerTooLargeError(requests.RequestException):
    """The answer is longer than the caller takes."""


class _Call(threading.local):
    """The call that this thread is making."""

    deadline = Deadline(0)
    limits = Limits()
    look_up: LookUp = staticmethod(look_up)
    has_begun = False
    was_sent = False


_call = _Call()


def has_begun() -> bool:
    """Tell whether a byte of this thread's latest request was handed to the network."""
    return _call.has_begun


def was_sent() -> bool:
    """Tell whether this thread's latest request was handed to the network with its last byte.

    False is certain: nobody can have read the request whole. True is not: somebody may have.
    """
    return _call.was_sent


def session(
    limits: Limits | None = None, *, pool_size: int = 1, look_up: LookUp = look_up
) -> requests.Session:
    """Return a session for calls within these limits, with up to `pool_size` kept connections.

    Its calls raise `requests.RequestException`, and what `look_up` raises that is no `OSError`.
    """
    made = _Session()
    guard(made, limits or Limits(), pool_size=pool_size, look_up=look_up)
    return made


def guard(
    made: requests.Session, limits: Limits, *, pool_size: int = 1, look_up: LookUp = look_up
) -> None:
    """Have a library's own session keep to the limits. Its `timeout` arguments are not used."""
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    # A compressed answer may be a thousand times as large as what came in.
    made.headers.update({"User-Agent": "newsflash", "Accept-Encoding": "identity"})
    for prefix in ("http://", "https://"):
        made.mount(prefix, _Adapter(limits, pool_size, look_up))


class _Session(requests.Session):
    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[Any]:
        """Follow none, whatever the method's own default is."""
        return iter(())


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


class _Response(HTTPResponse):
    """An answer that is read within the deadline. Its head has to end in an empty line, and interim
    answers (RFC 9110, section 15.2) are passed over: the stdlib takes half a head for one, and an
    interim answer for the last, so that the real one would be taken for the next request's.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: Any
        self.fp.close()
        self.fp = timed_reader(sock, lambda: _call.deadline.left(_call.limits.read_seconds))

    def begin(self) -> None:
        lines = self.fp = _Lines(self.fp)
        try:
            self._begin(lines)
        finally:
            if self.fp is lines:
                self.fp = lines.file

    def _begin(self, lines: _Lines) -> None:
        while True:
            super().begin()
            if not lines.last:
                raise IncompleteRead(b"")
            if not HTTPStatus.SWITCHING_PROTOCOLS < self.status < HTTPStatus.OK:
                return
            self.headers: Any = None  # what `begin` goes by


class _HttpConnection(HTTPConnection):
    response_class = _Response
    _used_at = 0.0

    @property
    def is_connected(self) -> bool:
        """Tell the pool whether this connection may carry another request."""
        is_fresh = time.monotonic() - self._used_at < MAX_IDLE_SECONDS
        return is_fresh and super().is_connected

    def _new_conn(self) -> socket.socket:
        """Look the name up and connect; what is left is the timeout of a TLS handshake."""
        deadline = _call.deadline.within(_call.limits.connect_seconds)
        try:
            return connect(_call.look_up(self._dns_host, self.port, deadline), deadline)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise NewConnectionError(self, type(error).__name__) from error

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send one request whole, and note it."""
        _call.has_begun = _call.was_sent = False
        super().request(*args, **kwargs)
        _call.was_sent = True
        self._used_at = time.monotonic()

    def send(self, data: Any) -> None:
        """Write bytes within the deadline."""
        if self.sock is None:
            self.connect()
        _call.has_begun = True
        send_all(self.sock.sendall, bytes(data), self._limit)

    def _limit(self) -> None:
        self.sock.settimeout(_call.deadline.left())


class _HttpsConnection(_HttpConnection, HTTPSConnection):
    """The same over TLS."""


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class _Adapter(HTTPAdapter):
    """Keep-alive connections. Nothing is ever retried by itself."""

    def __init__(self, limits: Limits, pool_size: int, look_up: LookUp) -> None:
        self._limits = limits
        self._look_up = look_up
        super().__init__(pool_connections=1, pool_maxsize=pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - the body is always read here
        timeout: Any = None,  # noqa: ARG002 - the limits say it
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Make the call and read the whole answer."""
        limits = self._limits
        with self._calling():
            response = super().send(
                request,
                stream=True,
                timeout=(limits.connect_seconds, limits.read_seconds),
                verify=verify,
                cert=cert,
                proxies=proxies,
            )
            try:
                response._content = _read(response.raw, limits)
                # What `content` goes by.
                response._content_consumed = True  # type: ignore[attr-defined]
            except ReadTimeoutError as error:
                response.close()
                raise requests.ReadTimeout(error, request=request) from None
            except (HTTPError, OSError) as error:
                response.close()
                if isinstance(error, requests.RequestException):
                    raise
                raise requests.ConnectionError(error, request=request) from None
        return response

    @contextmanager
    def _calling(self) -> Iterator[None]:
        _call.deadline = Deadline(self._limits.total_seconds)
        _call.limits, _call.look_up = self._limits, self._look_up
        _call.has_begun = _call.was_sent = False
        yield


def _read(raw: Any, limits: Limits) -> bytes:
    """Return the body. Raises `AnswerTooLargeError`, or what urllib3 does where it ends early."""
    body = bytearray()
    if limits.is_cut:
        _call.deadline = _call.deadline.within(_CUT_AFTER_SECONDS)
    try:
        while chunk := raw.read1(_READ_BYTES, decode_content=True):
            body += chunk
            if len(body) > limits.answer_bytes:
                raise AnswerTooLargeError
    except (HTTPError, OSError):
        if not limits.is_cut:
            raise
        raw.close()
    return bytes(body[: limits.answer_bytes])
