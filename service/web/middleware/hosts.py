"""The names under which the service answers: its PUBLIC_URL, this computer, and what is allowed.

A `Host` that a stranger chose (or a page whose own name was pointed at this service: DNS rebinding)
reaches no view. Behind trusted proxies it is the `X-Forwarded-Host` of the outermost of them.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Flask, Response
from werkzeug.datastructures import Headers

from service.config import Settings
from service.counting import Refusal
from service.domain.network import is_loopback
from service.web.http.context import current_request
from service.web.http.problems import problem
from service.web.http.refusals import note_refusal

ALWAYS_ANSWERED = ("health.healthz", "health.readyz", "metrics.show")
"""Probes ask by whatever address the machine has. The metrics look at the Host themselves."""

KNOWN_HOSTS = 64
"""How many values of `Host` are known without a look: few are ours, strangers make up others."""

_FORWARDING = re.compile(
    r"forward|^via$|^cdn-loop$|^(cf|fly|fastly|x-envoy|x-amzn|x-amz-cf|x-original|x-proxy)-"
    r"|(real|client|connecting|remote|source|cluster|originating)-?(ip|addr)"
    r"|^x-(scheme|url-scheme|host|request-start)$"
)
"""What proxies add, by name: RFC 7239, RFC 9110 section 7.6.3, and usual ones without an RFC."""


def init_hosts(app: Flask, settings: Settings) -> None:
    """Have the app refuse (400) a request for a host that is none of its own."""
    ours = frozenset(
        _names((urlsplit(settings.public_url).hostname or "", *settings.allowed_hosts))
    )

    @lru_cache(maxsize=KNOWN_HOSTS)
    def is_ours(given: str) -> bool:
        host = host_name(given)
        return host is not None and (host in ours or is_loopback(host))

    @app.before_request
    def check_host() -> Response | None:
        asked = current_request()
        if asked.endpoint in ALWAYS_ANSWERED or is_ours(asked.host):
            return None
        note_refusal(Refusal.HOST)
        return problem(
            HTTPStatus.BAD_REQUEST,
            "unknown-host",
            "Unknown host name.",
            detail="Use PUBLIC_URL, or add the name to ALLOWED_HOSTS.",
        )


def host_name(host: str) -> str | None:
    """Return the name in a `Host` header without port, brackets and case, or None without one."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    is_plain = parts.hostname and not (parts.path or parts.query or parts.fragment or "@" in host)
    return _plain(parts.hostname) if is_plain and parts.hostname else None


def was_forwarded(headers: Headers) -> bool:
    """Tell whether a header says that a proxy, a gateway or a CDN handed the request on."""
    return any(_FORWARDING.search(name.lower()) for name, _ in headers)


def _names(names: Iterable[str]) -> Iterable[str]:
    return (_plain(name) for name in names if name)


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")
