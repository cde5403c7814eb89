"""Request heads: from bytes to a WSGI environment (PEP 3333), strictly.

llhttp, the parser of Node.js, reads the head and chunked bodies. What it lets pass and two servers
could understand differently is refused here (RFC 9112, sections 3.2, 6.1 and 11.2).
"""

from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from httptools import (
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
    parse_url,
)

from service.front.limits import LaneName

MAX_FIELDS = 100
MAX_LENGTH_DIGITS = 18

Environ = dict[str, Any]


class HeadError(Exception):
    """The head is not usable; the connection ends with `status`."""

    def __init__(self, status: HTTPStatus) -> None:
        """Take the status to answer with."""
        super().__init__(status.phrase)
        self.status = status


class Request:
    """One request: its head, and the parts of a chunked body as `feed` finds them."""

    __slots__ = (
        "_fields",
        "_has_head",
        "_parser",
        "_target",
        "body",
        "environ",
        "expects_continue",
        "is_upload",
        "is_whole",
        "keeps_alive",
        "lane",
        "length",
        "method",
        "parts",
        "path",
        "runs_over",
    )

    def __init__(self, head: bytes, base: Environ) -> None:
        """Read a head up to and including its empty line. Raises `HeadError`.

        `environ` extends a copy of `base`. `length` is the body's length in bytes, None where it
        comes in chunks.
        """
        self._target = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._has_head = False
        self.keeps_alive = False
        self.parts: list[bytes] = []
        self.body = b""
        """The body, once it was collected."""
        self.is_upload = False
        """Whether the body is handed on as it comes."""
        self.lane = LaneName.REQUESTS
        """Which threads run it; the reader sets it."""
        self.is_whole = False
        """Whether the end of a chunked body was read."""
        self.runs_over = False
        """Whether more came in the same piece as the end of a chunked body."""
        self._parser: HttpRequestParser | None
        parser = self._parser = HttpRequestParser(self)
        try:
            parser.feed_data(head)
        except HttpParserUpgrade:
            pass  # no protocol is offered to change to, so the request is taken as it is
        except HttpParserInvalidMethodError:
            raise HeadError(HTTPStatus.NOT_IMPLEMENTED) from None
        except HttpParserError:
            raise HeadError(HTTPStatus.BAD_REQUEST) from None
        if not self._has_head:
            raise HeadError(HTTPStatus.BAD_REQUEST)
        if len(self._fields) > MAX_FIELDS:
            raise HeadError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise HeadError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        self.method = parser.get_method().decode("ascii")
        if self.method == "CONNECT":
            raise HeadError(HTTPStatus.NOT_IMPLEMENTED)
        self.environ = environ = base.copy()
        environ["REQUEST_METHOD"] = self.method
        environ["SERVER_PROTOCOL"] = f"HTTP/{version}"
        self._add_fields(environ)
        self._add_target(environ)
        if "HTTP_HOST" not in environ and version == "1.1":
            raise HeadError(HTTPStatus.BAD_REQUEST)
        self.length = self._framing(environ, version)
        if self.length is not None:
            # The two hold each other: left so, each request would wait for the collector.
            self._parser = None
        self.expects_continue = self._expectation(environ, version)

    def feed(self, data: bytes) -> None:
        """Read a piece of a chunked body into `parts`. Raises `HeadError` where it is not one."""
        if self._parser is None:
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if not self.is_whole:
                raise HeadError(HTTPStatus.BAD_REQUEST) from None
            self.runs_over = True
        if self.is_whole:
            self._parser = None

    # What llhttp calls.

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field. Trailers come here, too, when the environment is long made: dropped."""
        if not self._has_head:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Note the end of the head. Asked later, the parser speaks of the request after this."""
        self._has_head = True
        self.keeps_alive = self._parser is not None and self._parser.should_keep_alive()

    def on_body(self, part: bytes) -> None:
        """Take a part of a chunked body; of what comes after it nothing is kept."""
        if not self.is_whole:
            self.parts.append(part)

    def on_message_begin(self) -> None:
        """Note a second request right behind a chunked body."""
        self.runs_over = self.is_whole

    def on_message_complete(self) -> None:
        """Note the end."""
        self.is_whole = True

    def _add_fields(self, environ: Environ) -> None:
        for name, raw in self._fields:
            key = _environ_key(name)
            if key is None:
                continue
            value = raw.decode("latin-1").rstrip(" \t")
            if key not in environ:
                environ[key] = value
            elif key in ("HTTP_HOST", "HTTP_TRANSFER_ENCODING", "CONTENT_TYPE"):
                raise HeadError(HTTPStatus.BAD_REQUEST)
            else:
                environ[key] += ("; " if key == "HTTP_COOKIE" else ", ") + value

    def _add_target(self, environ: Environ) -> None:
        target = self._target
        if target[:1] != b"/" and target != b"*":  # absolute-form (RFC 9112, section 3.2.2)
            try:
                url = parse_url(target)
            except HttpParserError:
                raise HeadError(HTTPStatus.BAD_REQUEST) from None
            if url.schema not in (b"http", b"https") or not url.host:
                raise HeadError(HTTPStatus.BAD_REQUEST)
            host = url.host.decode("ascii")
            host = f"[{host}]" if ":" in host else host
            environ["HTTP_HOST"] = f"{host}:{url.port}" if url.port else host
            target = (url.path or b"/") + (b"?" + url.query if url.query else b"")
        if b"#" in target:
            raise HeadError(HTTPStatus.BAD_REQUEST)
        path, _, query = target.partition(b"?")
        raw = unquote_to_bytes(path) if b"%" in path else path
        self.path = environ["PATH_INFO"] = raw.decode("latin-1")
        environ["QUERY_STRING"] = query.decode("latin-1")

    def _framing(self, environ: Environ, version: str) -> int | None:
        """Return how long the body is. llhttp has refused a length beside chunks, and two."""
        coding = environ.get("HTTP_TRANSFER_ENCODING")
        if coding is not None:
            if coding.lower() != "chunked" or version == "1.0" or "CONTENT_LENGTH" in environ:
                raise HeadError(HTTPStatus.BAD_REQUEST)
            return None
        text = environ.get("CONTENT_LENGTH", "0")
        if not (text.isascii() and text.isdigit() and len(text) <= MAX_LENGTH_DIGITS):
            raise HeadError(HTTPStatus.BAD_REQUEST)
        return int(text)

    def _expectation(self, environ: Environ, version: str) -> bool:
        expected = environ.get("HTTP_EXPECT")
        if expected is None or version == "1.0":
            return False
        if expected.lower() != "100-continue":
            raise HeadError(HTTPStatus.EXPECTATION_FAILED)
        return True


@lru_cache(1024)
def _environ_key(name: bytes) -> str | None:
    """Return the environment's name of a field; None for one with an underscore.

    In WSGI `X_Forwarded_For` would look like the `X-Forwarded-For` that a proxy sets.
    """
    if b"_" in name:
        return None
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
