"""Where the service hangs: below the path of PUBLIC_URL, whatever a request says of that.

`X-Forwarded-Prefix` is not believed. Few proxies set it, the others hand on what a stranger wrote,
and it would come to stand before every link of a page, and of a script that caches keep.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import url_for

from service.web.context import usecases


class PublicPath:
    """Middleware that tells the app its path. A proxy may have taken it off the address, or not."""

    def __init__(self, app: WSGIApplication, path: str) -> None:
        """`path` is that of PUBLIC_URL, without a slash at its end."""
        self._app = app
        self._path = path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Call the app below its path."""
        asked = environ.get("PATH_INFO", "")
        if f"{asked}/".startswith(f"{self._path}/"):
            environ["PATH_INFO"] = asked[len(self._path) :]
        environ["SCRIPT_NAME"] = self._path
        return self._app(environ, start_response)


def public_path(public_url: str) -> str:
    """Return the path of PUBLIC_URL; mostly there is none."""
    return urlsplit(public_url).path.rstrip("/")


def public_address(endpoint: str, **values: Any) -> str:
    """Return the address of a page as people reach it from elsewhere."""
    public_url = usecases().settings.public_url
    return public_url.removesuffix(public_path(public_url)) + url_for(endpoint, **values)
