"""Notices a proxy that TRUSTED_PROXIES does not count: all visitors look like one then."""

from flask import Flask, request

from service.config import Settings
from service.counting import UNTRUSTED, numbers
from service.log import Sometimes

_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED")
_seen = Sometimes("proxy not trusted")


def init_proxies(app: Flask, settings: Settings) -> None:
    """Have the app count and log requests with a proxy's headers while no proxy is trusted.

    A stranger can send them, too, so it is a line a minute at most.
    """
    if settings.trusted_proxies:
        return

    @app.before_request
    def notice() -> None:
        environ = request.environ
        if any(name in environ for name in _HEADERS):
            numbers.add((UNTRUSTED,))
            _seen.warn("forwarding headers", text="If a proxy is in front, set TRUSTED_PROXIES")
