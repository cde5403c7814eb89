"""Where the service hangs: below the path of PUBLIC_URL, whatever a request says of that.

`X-Forwarded-Prefix` is not believed. Few proxies set it, the others hand on what a stranger wrote,
and it would come to stand before every link of a page, and of a script that caches keep.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import url_for
from werkzeug.routing import Map

from service.web.http.context import services
from service.web.middleware.link_paths import LinkPaths


class RoutedPath:
    """Tells which path is routed for one that was asked for. Whatever depends on the route asks it.

    Mangled links are put right (`link_paths.py`), and the path of PUBLIC_URL is taken off: a proxy
    may have done so, or not. Where that could also be the beginning of a route (PUBLIC_URL is
    https://host/subscribe), what leads to a route decides. The first page is then at the path with
    a slash behind it, as our own links have it.
    """

    def __init__(self, path: str, url_map: Map) -> None:
        """`path` is that of PUBLIC_URL, without a slash at its end."""
        self._path = path
        self._routes = url_map.bind("localhost")
        self._clean = LinkPaths(rule.rule for rule in url_map.iter_rules())

    def __call__(self, path_info: str) -> str:
        """Return the path to route. `path_info` is as WSGI has it: bytes read as Latin-1."""
        whole = self._clean(path_info.encode("latin-1").decode(errors="replace"))
        if not self._path or not f"{whole}/".lower().startswith(f"{self._path}/".lower()):
            return whole
        below = self._clean(whole[len(self._path) :])
        is_route = self._routes.allowed_methods
        return whole if is_route(whole) and not (below and is_route(below)) else below


class PublicPath:
    """Middleware that tells the app where it hangs, and which path to route (`RoutedPath`)."""

    def __init__(self, app: WSGIApplication, path: str, url_map: Map) -> None:
        """`path` is that of PUBLIC_URL, without a slash at its end."""
        self._app = app
        self._path = path
        self._routed = RoutedPath(path, url_map)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Call the app below its path."""
        environ["PATH_INFO"] = self._routed(environ.get("PATH_INFO", "")).encode().decode("latin-1")
        environ["SCRIPT_NAME"] = self._path
        return self._app(environ, start_response)


def public_path(public_url: str) -> str:
    """Return the path of PUBLIC_URL; mostly there is none."""
    return urlsplit(public_url).path.rstrip("/")


def public_address(endpoint: str, **values: Any) -> str:
    """Return the address of a page as people reach it from elsewhere."""
    public_url = services().settings.public_url
    return public_url.removesuffix(public_path(public_url)) + url_for(endpoint, **values)
