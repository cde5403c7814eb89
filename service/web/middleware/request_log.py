"""Each request by its id, on every line that is logged for it; its part in the metrics; and the
access log, where asked for.

The id comes back as `X-Request-ID`. Behind trusted proxies it is theirs, if it looks like one.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from flask import Flask
from werkzeug.routing import Rule

from service.counting import POOL_USED, numbers
from service.log import REQUEST_ID
from service.web.http.context import current_request
from service.web.middleware.request_groups import group_of

HEADER = "X-Request-ID"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")
"""UUIDs, ULIDs and hexadecimal digits. An API key and a link's token do not look like this."""
_RULE = "newsflash.rule"
_log = structlog.get_logger(__name__)


def init_routes(app: Flask) -> None:
    """Have the app leave the rule of each request where `RequestLog` finds it. Call this first."""

    @app.before_request
    def leave_rule() -> None:
        request = current_request()
        request.environ[_RULE] = request.url_rule


class RequestLog:
    """Middleware, outermost, that names each request and notes how it was answered."""

    def __init__(
        self,
        app: WSGIApplication,
        *,
        trusts_id: bool,
        logs_access: bool,
        connections_used: Callable[[], int],
    ) -> None:
        """`trusts_id` says that a trusted proxy's id is taken over; `connections_used` tells how
        many of the pool are in use at the moment.
        """
        self._app = app
        self._trusts_id = trusts_id
        self._logs_access = logs_access
        self._connections_used = connections_used

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Call the app as request `X-Request-ID`."""
        given = environ.get("HTTP_X_REQUEST_ID", "") if self._trusts_id else ""
        found = _Request(
            environ,
            id_=given if _GIVEN.fullmatch(given) else secrets.token_hex(8),
            logs_access=self._logs_access,
        )
        numbers.set((POOL_USED,), self._connections_used())

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            found.status = int(status[:3])
            headers = [*headers, (HEADER, found.id)]
            return (
                start_response(status, headers, error) if error else start_response(status, headers)
            )

        token = REQUEST_ID.set(found.id)
        try:
            return found.answered_by(self._app(environ, start))
        except BaseException:
            found.close()
            raise
        finally:
            REQUEST_ID.reset(token)


class _Request:
    """One request and its body on its way out, whose blocks other threads may fetch."""

    __slots__ = ("_began", "_blocks", "_body", "_bytes", "_environ", "_logs_access", "id", "status")

    def __init__(self, environ: WSGIEnvironment, *, id_: str, logs_access: bool) -> None:
        self.id = id_
        self.status = 500
        self._environ: WSGIEnvironment | None = environ
        self._logs_access = logs_access
        self._began = time.perf_counter()
        self._bytes = 0
        self._body: Iterable[bytes] = ()
        self._blocks: Iterator[bytes] = iter(())

    def answered_by(self, body: Iterable[bytes]) -> "_Request":
        self._body, self._blocks = body, iter(body)
        return self

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        token = REQUEST_ID.set(self.id)
        try:
            block = next(self._blocks)
        finally:
            REQUEST_ID.reset(token)
        self._bytes += len(block)
        return block

    def close(self) -> None:
        """End the body and note the request, once."""
        environ, self._environ = self._environ, None
        if environ is None:
            return
        token = REQUEST_ID.set(self.id)
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._note(environ, time.perf_counter() - self._began)
            REQUEST_ID.reset(token)

    def _note(self, environ: WSGIEnvironment, seconds: float) -> None:
        rule: Rule | None = environ.get(_RULE)
        numbers.observe(group_of(rule.endpoint if rule else None), self.status, seconds)
        if self._logs_access:
            method = environ["REQUEST_METHOD"]
            _log.info(
                "request",
                method=method if method in METHODS else "other",
                route=rule.rule if rule is not None else None,
                status=self.status,
                duration_ms=round(seconds * 1000, 1),
                bytes=self._bytes,
            )
