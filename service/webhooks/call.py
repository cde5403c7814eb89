"""One call to a receiver, signed as Standard Webhooks lays down (standardwebhooks.com)."""

import json
import secrets
import socket
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import requests
from standardwebhooks.webhooks import Webhook as Signer
from urllib3.exceptions import HTTPError

from service import outbound
from service.deadline import Resolver
from service.webhooks.pinned import TargetError, checked_look_up

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
        """Tell whether the receiver asks for no further events."""
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
        resolver: Resolver = socket.getaddrinfo,
    ) -> None:
        """`allow_private` lets calls into our own network, and over plain http."""
        self._allow_private = allow_private
        self._look_up = checked_look_up(allow_private=allow_private, resolver=resolver)
        self._limits = outbound.Limits(
            connect_seconds=min(CONNECT_SECONDS, total_seconds),
            read_seconds=total_seconds,
            total_seconds=total_seconds,
            answer_bytes=ANSWER_BYTES,
            is_cut=True,  # what is said beside the status matters to nobody
        )

    def __call__(
        self, url: str, secret: str, *, event_id: UUID, payload: Mapping[str, Any], now: datetime
    ) -> CallResult:
        """POST the event once. The receiver has `total_seconds`; redirects are not followed."""
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": str(event_id),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Signer(secret).sign(str(event_id), now, body),
        }
        began = time.monotonic()
        status: int | None = None
        try:
            status = self._post(url, body.encode(), headers)
            error = None if 200 <= status < 300 else f"http_{status}"
        except TargetError as refused:
            error = refused.code
        except (requests.RequestException, HTTPError, OSError, ValueError) as broken:
            error = _code(broken)
        duration_ms = int((time.monotonic() - began) * 1000)
        return CallResult(status_code=status, error=error, duration_ms=duration_ms)

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        if urlsplit(url).scheme != "https" and not self._allow_private:
            raise TargetError("https_required")
        # A session for each call: what is kept open goes to an address that was checked long ago.
        with outbound.session(self._limits, look_up=self._look_up) as session:
            return session.post(url, data=body, headers=dict(headers)).status_code


def _code(error: Exception) -> str:
    """Return a short code; the error's own text may hold the URL."""
    if isinstance(error, requests.exceptions.SSLError):
        return "tls_failed"
    if isinstance(error, requests.Timeout):
        return "timeout"
    if "timed out" in str(error):
        return "timeout"
    return "url_unusable" if isinstance(error, ValueError) else "connection_broken"
