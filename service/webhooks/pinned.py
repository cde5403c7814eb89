"""A `requests` adapter that connects to the very address that was checked.

The name is resolved once, by us, and never again: an answer of DNS that changes between the look
and the call changes nothing. Host header, SNI and certificate are still those of the name.
"""

import socket
import threading
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from service.domain.target import is_public


class TargetError(Exception):
    """The target cannot be called. `code` is short and holds no part of the URL."""

    def __init__(self, code: str) -> None:
        """Keep the code."""
        super().__init__(code)
        self.code = code


def resolve(
    host: str, port: int, *, allow_private: bool, resolver: Any = socket.getaddrinfo
) -> IPv4Address | IPv6Address:
    """Return the address to call, the first that the resolver names.

    Raises `TargetError` where there is none, or, without `allow_private`, where any of them is not
    on the public Internet: a name that leads to both is refused as a whole.
    """
    try:
        found = resolver(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise TargetError("name_unknown") from None
    addresses = [ip_address(entry[4][0]) for entry in found]
    if not addresses:
        raise TargetError("name_unknown")
    if not allow_private and not all(is_public(address) for address in addresses):
        raise TargetError("target_not_public")
    return addresses[0]


class Deadline:
    """Ends a call that takes too long, at whatever point it hangs or trickles."""

    def __init__(self, seconds: float) -> None:
        """Nothing runs yet; use it as a context manager around the call."""
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self.is_over = False

    def watch(self, sock: socket.socket) -> None:
        """Say which connection the call is on."""
        with self._lock:
            self._sock = sock
            if self.is_over:
                self._cut()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            self._cut()

    def _cut(self) -> None:
        if self._sock is not None:
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


class PinnedAdapter(HTTPAdapter):
    """Carries one call to one address."""

    def __init__(self, address: IPv4Address | IPv6Address, deadline: Deadline) -> None:
        """Take where to connect to and what ends the call. Nothing is retried."""
        self._address = str(address)
        self._deadline = deadline
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool manager, with connections that the deadline knows."""
        super().init_poolmanager(*args, **kwargs)
        deadline = self._deadline

        class _Http(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                deadline.watch(self.sock)

        class _Https(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                deadline.watch(self.sock)

        class _HttpPool(HTTPConnectionPool):
            ConnectionCls = _Http

        class _HttpsPool(HTTPSConnectionPool):
            ConnectionCls = _Https

        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: Any,
        proxies: Any = None,  # noqa: ARG002 - there is no proxy between us and the address
        cert: Any = None,
    ) -> Any:
        """Return a connection to the checked address that speaks for the URL's name."""
        host_params, tls = self.build_connection_pool_key_attributes(request, verify, cert)
        name = host_params["host"]
        pool_kwargs: dict[str, Any] = {**tls}
        if host_params["scheme"] == "https" and not _is_address(name):
            pool_kwargs |= {"server_hostname": name, "assert_hostname": name}
        return self.poolmanager.connection_from_host(
            **{**host_params, "host": self._address}, pool_kwargs=pool_kwargs
        )

    def add_headers(self, request: requests.PreparedRequest, **_: Any) -> None:
        """Name the host of the URL, with its port where that is not the scheme's own."""
        request.headers["Host"] = urlsplit(str(request.url)).netloc


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
