"""Answers as bytes (RFC 9112): heads, chunks, and what the server says without the app."""

import json
from collections.abc import Sequence
from email.utils import formatdate
from http import HTTPStatus

Headers = Sequence[tuple[str, str]]

RETRY_AFTER_SECONDS = 5
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

_SAFE_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
_DETAILS = {
    HTTPStatus.BAD_REQUEST: "This is not a complete HTTP request. Send all of it again.",
    HTTPStatus.REQUEST_TIMEOUT: "The request took too long to arrive. Send it again.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "Send a shorter address and fewer headers.",
    HTTPStatus.EXPECTATION_FAILED: "Only Expect: 100-continue is known.",
    HTTPStatus.NOT_IMPLEMENTED: "This method is not known.",
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED: "Use HTTP/1.1.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong on our side.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The service is busy. Try again after Retry-After.",
}


def head(
    status: str, headers: Headers, *, date: str, framing: str = "", connection: str = ""
) -> bytes:
    """Return the head of an answer; `framing` is a header line for its length, if it needs one."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    return f"HTTP/1.1 {status}\r\n{lines}Date: {date}\r\n{framing}{connection}\r\n".encode(
        "latin-1"
    )


def chunk(data: bytes) -> bytes:
    """Return a block of a chunked body. It must not be empty."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def http_date() -> str:
    """Return the time as the `Date` header has it."""
    return formatdate(usegmt=True)


def status_line(status: HTTPStatus) -> str:
    """Return what follows the version in an answer's first line."""
    return f"{status.value} {status.phrase}"


def problem(status: HTTPStatus) -> tuple[Headers, bytes]:
    """Return headers and body (RFC 9457) of an answer that the server gives by itself."""
    document = {
        "type": f"urn:newsflash:problem:{status.phrase.lower().replace(' ', '-')}",
        "title": status.phrase,
        "status": status.value,
        "detail": _DETAILS[status],
    }
    body = json.dumps(document).encode() + b"\n"
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
        *_SAFE_HEADERS,
        # The form of another site may read why it was not taken; nothing here is about anybody.
        ("Access-Control-Allow-Origin", "*"),
    ]
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", str(RETRY_AFTER_SECONDS)))
    return headers, body


def alive() -> tuple[Headers, bytes]:
    """Return the answer to `GET /healthz`: this process answers."""
    body = b'{"status":"ok"}\n'
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        *_SAFE_HEADERS,
    ]
    return headers, body
