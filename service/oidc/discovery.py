"""What the identity provider says of itself (OpenID Connect Discovery 1.0, sections 3 and 4)."""

import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from authlib.integrations.requests_client import OAuth2Session

from service.domain.errors import IssuerUnavailableError
from service.domain.network import is_loopback
from service.oidc.calls import LIMITS, answer_error, calling, get_json

PATH = "/.well-known/openid-configuration"
KEEP_SECONDS = 600.0
PAUSE_SECONDS = 5.0
"""How long after a failure the provider is left alone: anyone may ask for the way to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The provider's own name, where it is called, and how we show who we are."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    client_auth: str


class Discovery:
    """Knows the provider's metadata, for ten minutes each. Safe to use from several threads."""

    def __init__(self, issuer: str) -> None:
        """Take the issuer as the settings name it."""
        self._issuer = issuer
        self._lock = threading.Lock()
        self._known: Metadata | None = None
        self._ask_at = 0.0

    def __call__(self) -> Metadata:
        """Return the metadata; raise as `calling` does.

        One thread asks at a time, and the others do not wait for it long.
        """
        if not self._lock.acquire(timeout=LIMITS.connect_seconds):
            raise IssuerUnavailableError("busy")
        try:
            if time.monotonic() >= self._ask_at:
                self._known, self._ask_at = None, time.monotonic() + PAUSE_SECONDS
                with calling(OAuth2Session()) as session:
                    url = self._issuer.rstrip("/") + PATH
                    self._known = _metadata(get_json(session, url), self._issuer)
                self._ask_at = time.monotonic() + KEEP_SECONDS
            if self._known is None:
                raise IssuerUnavailableError("paused")
            return self._known
        finally:
            self._lock.release()


def _metadata(found: dict[str, Any], issuer: str) -> Metadata:
    # Section 4.3 has the two identical; whether a slash ends it is not worth a failed setup.
    if str(found["issuer"]).rstrip("/") != issuer.rstrip("/"):
        raise answer_error("another_issuer")
    is_local = urlsplit(issuer).scheme == "http"
    named = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
    endpoints = {name: found[name] for name in named if name in found}
    if not all(_is_safe(url, is_local=is_local) for url in endpoints.values()):
        raise answer_error("endpoint_not_https")
    methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Metadata(
        issuer=found["issuer"],
        authorization_endpoint=endpoints["authorization_endpoint"],
        token_endpoint=endpoints["token_endpoint"],
        jwks_uri=endpoints["jwks_uri"],
        userinfo_endpoint=endpoints.get("userinfo_endpoint"),
        # A client is registered for the first one unless it says otherwise.
        client_auth="client_secret_basic"
        if "client_secret_basic" in methods
        else "client_secret_post",
    )


def _is_safe(url: str, *, is_local: bool) -> bool:
    """Tell whether nobody on the way can read or change the call."""
    parts = urlsplit(url)
    if parts.scheme == "http":
        return is_local and is_loopback(parts.hostname)
    return parts.scheme == "https" and bool(parts.hostname)
