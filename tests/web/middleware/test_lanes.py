"""The lane of a request is that of the view it is routed to, however its path is written."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote_to_bytes
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy.engine import URL

from service.app import create_app, services_of
from service.front.limits import LaneName
from service.web.middleware.lanes import lane_of
from tests.conftest import make_settings
from tests.front.conftest import SHORT, Client, serving

PREFIXES = ("", "/news", "/v1", "/v1/subscribers", "/admin/import")
LONG = {
    ("POST", "/v1/subscribers/import"): LaneName.IMPORTS,
    ("GET", "/v1/subscribers/export"): LaneName.EXPORTS,
    ("HEAD", "/v1/subscribers/export"): LaneName.EXPORTS,
    ("POST", "/admin/import"): LaneName.IMPORTS,
    ("POST", "/admin/export"): LaneName.EXPORTS,
}
WRITTEN = (
    "{}",
    "/{}",
    "///{}",
    "{}/",
    "{}//",
    "{}/.",
    "{}.",
    "{}%20",
    "{}/x",
    "/%2f{}",
    "{}%2F",
    "{}%00",
    "{}%C3%BC",
    "{}%FF",
)
"""A path with something before or behind it."""

Make = Callable[[str], Flask]


@pytest.fixture
def database_url(sqlite_url: URL) -> URL:
    """Paths do not depend on the database."""
    return sqlite_url


@pytest.fixture
def make(database_url: URL, tmp_path: Path) -> Iterator[Make]:
    """Build an app below a path."""
    made: list[Flask] = []

    def build(prefix: str) -> Flask:
        made.append(
            create_app(
                make_settings(database_url, tmp_path, public_url=f"http://127.0.0.1{prefix}")
            )
        )
        return made[-1]

    yield build
    for app in made:
        services_of(app).close()


def spellings(path: str, prefix: str) -> Iterator[str]:
    """Return ways to write a path, with the prefix and without, not all of which lead there."""
    inner = (
        path,
        path.replace("/", "//"),
        path.replace("/", "%2f"),
        path.replace("r", "%72").replace("a", "%61"),
        path.replace("t", "%2574"),
        path.upper(),
    )
    for start in dict.fromkeys(("", prefix, f"/{prefix}", f"{prefix}/", prefix.upper())):
        yield from (start + each for each in inner)
        yield from (form.format(start + path) for form in WRITTEN)


def path_info(written: str) -> str:
    """Return how the server hands a path on (PEP 3333)."""
    return unquote_to_bytes(written).decode("latin-1")


class Routing:
    """Tells to which view the app really routes. No view runs."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._found: list[str | None] = []
        app.before_request_funcs.clear()
        app.before_request(self._note)

    def _note(self) -> ResponseReturnValue:
        self._found.append(request.endpoint)
        return "", 204

    def lane(self, method: str, path: str) -> LaneName:
        environ = {"PATH_INFO": path, "REQUEST_METHOD": method, "HTTP_HOST": "127.0.0.1"}
        self._app.test_client().open(environ_overrides=environ)
        view = self._app.view_functions.get(self._found.pop() or "")
        return getattr(view, "lane", LaneName.REQUESTS)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_lane_is_that_of_the_view(make: Make, prefix: str) -> None:
    app = make(prefix)
    lanes, routing = lane_of(app, f"http://127.0.0.1{prefix}"), Routing(app)
    for (method, path), lane in LONG.items():
        forms = {path_info(each) for each in spellings(path, prefix)}
        found = {each: lanes(method, each) for each in forms}
        assert found == {each: routing.lane(method, each) for each in forms}
        assert set(found.values()) == {lane, LaneName.REQUESTS}
        assert found[path] is found[f"/{path}"] is found[prefix + path] is lane


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/subscribers/import"),
        ("POST", "/v1/subscribers/export"),
        ("GET", "/admin/import"),
        ("POST", "/v1/subscribers"),
        ("POST", "/import"),
        ("GET", "/"),
        ("GET", ""),
        ("OPTIONS", "*"),
    ],
)
def test_a_view_that_is_not_long_has_the_usual_lane(make: Make, method: str, path: str) -> None:
    assert lane_of(make(""), "http://127.0.0.1")(method, path) is LaneName.REQUESTS


class Threads:
    """An app between the server and ours that notes which lane's thread runs a request."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.lanes: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.lanes.append(threading.current_thread().name.partition("-")[0])
        return self._app(environ, start_response)


def send(port: int, method: str, path: str, key: str, body: bytes = b"") -> bytes:
    """Send a request and return all that comes."""
    client = Client(port)
    with closing(client.socket):
        client.send(
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
            f"Connection: close\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n"
            "".encode()
            + body
        )
        return client.rest()


@pytest.mark.parametrize("prefix", ["", "/news"])
def test_a_long_import_is_taken_by_every_path_that_leads_there(make: Make, prefix: str) -> None:
    app = make(prefix)
    key = services_of(app).keys.create("test", "admin", actor="test")
    # Longer than what the server collects, of rows that say nothing.
    body = b"email,note\n" + b",%b\n" % (b"x" * 1000) * (SHORT.body_bytes // 1000)
    threads = Threads(app)
    paths = [
        "//v1/subscribers/import?unknown=ignore",
        "/v1//subscribers/import/?unknown=ignore",
        "/v1/subscribers%2Fimpor%74?unknown=ignore",
        "http://127.0.0.1//v1/subscribers/import?unknown=ignore",
        f"{prefix.upper()}/v1/subscribers/import//?unknown=ignore",
    ]
    with serving(threads, lane_of=lane_of(app, f"http://127.0.0.1{prefix}")) as port:
        for path in paths:
            assert b" 200 " in send(port, "POST", path, key, body)[:20], path
    assert threads.lanes == ["imports"] * len(paths)


@pytest.mark.parametrize("prefix", ["", "/news"])
def test_every_path_of_an_export_counts_as_one(make: Make, prefix: str) -> None:
    app = make(prefix)
    key = services_of(app).keys.create("test", "admin", actor="test")
    threads = Threads(app)
    path = "/v1/subscribers/export"
    with serving(threads, lane_of=lane_of(app, f"http://127.0.0.1{prefix}")) as port:
        for written in (path, f"/{path}", f"{path}/", f"{prefix}/{path}", path.replace("x", "%78")):
            assert b" 200 " in send(port, "GET", written, key)[:20], written
        assert b" 404 " in send(port, "GET", f"{path}.", key)[:20]
    assert threads.lanes == ["exports"] * 5 + ["requests"]
