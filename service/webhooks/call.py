"""One call to a receiver, signed as Standard Webhooks lays down (standardwebhooks.com)."""

import json
import secrets
import socket
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import requests
from standardwebhooks.webhooks import Webhook as Signer
from urllib3.exceptions import HTTPError

from service.webhooks.pinned import Deadline, PinnedAdapter, TargetError, resolve

TOTAL_SECONDS = 10.0
CONNECT_SECONDS = 5.0
ANSWER_BYTES = 1024
SECRET_BYTES = 32
GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What a call came to: a status, or a short code for why there is none."""

    status_code: int | None
    error: str | None
    """None for a 2xx alone."""
    duration_ms: int

    @property
    def is_delivered(self) -> bool:
        """Tell whether the receiver took the event."""
        return self.error is None

    @property
    def is_gone(self) -> bool:
        """Tell whether the receiver wants to hear no more."""
        return self.status_code == GONE


def new_secret() -> str:
    """Return a fresh signing secret: `whsec_` and 256 random bits in base64."""
    return f"whsec_{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


class Call:
    """Calls receivers. Safe to use from several threads."""

    def __init__(
        self,
        *,
        allow_private: bool,
        total_seconds: float = TOTAL_SECONDS,
        resolver: Any = socket.getaddrinfo,
    ) -> None:
        """`allow_private` lets calls into our own network, and over plain http."""
        self._allow_private = allow_private
        self._total_seconds = total_seconds
        self._resolver = resolver

    def __call__(
        self, url: str, secret: str, *, event_id: UUID, payload: Mapping[str, Any], now: datetime
    ) -> CallResult:
        """POST the event once. The receiver has `total_seconds`; redirects are not followed."""
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "newsflash",
            "webhook-id": str(event_id),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Signer(secret).sign(str(event_id), now, body),
        }
        began = time.monotonic()
        status: int | None = None
        with Deadline(self._total_seconds) as deadline:
            try:
                status = self._post(url, body.encode(), headers, deadline)
                error = None if 200 <= status < 300 else f"http_{status}"
            except TargetError as refused:
                error = refused.code
            except (requests.RequestException, HTTPError, OSError, ValueError) as broken:
                error = "timeout" if deadline.is_over else _code(broken)
        duration_ms = int((time.monotonic() - began) * 1000)
        return CallResult(status_code=status, error=error, duration_ms=duration_ms)

    def _post(self, url: str, body: bytes, headers: Mapping[str, str], deadline: Deadline) -> int:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme != "https" and not self._allow_private:
            raise TargetError("https_required")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = resolve(host, port, allow_private=self._allow_private, resolver=self._resolver)
        with requests.Session() as session:
            session.trust_env = False
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
            session.mount(f"{parts.scheme}://", PinnedAdapter(address, deadline))
            with closing(
                session.post(
                    url,
                    data=body,
                    headers=dict(headers),
                    timeout=(min(CONNECT_SECONDS, self._total_seconds), self._total_seconds),
                    allow_redirects=False,
                    stream=True,
                )
            ) as response:
                if deadline.is_over:
                    raise requests.ReadTimeout  # half a head, which the stdlib takes for one
                # What is said beside the status matters to nobody; a little is read for politeness.
                with suppress(requests.RequestException, HTTPError, OSError):
                    response.raw.read1(ANSWER_BYTES)
                return response.status_code


def _code(error: Exception) -> str:
    """Return a short code; the error's own text may hold the URL."""
    if isinstance(error, requests.exceptions.SSLError):
        return "tls_failed"
    if isinstance(error, requests.Timeout):
        return "timeout"
    return "url_unusable" if isinstance(error, ValueError) else "connection_broken"
