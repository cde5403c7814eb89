"""Each request has an id that its log lines carry; the access log holds no address and no token."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from sqlalchemy.engine import URL
from werkzeug.test import EnvironBuilder

from service.app import create_app, services_of
from service.log import REQUEST_ID
from tests.conftest import make_settings

Lines = Callable[[], list[dict[str, Any]]]
Make = Callable[..., Flask]
ADDRESS = "ann@secret.example"


@pytest.fixture
def make(sqlite_url: URL, tmp_path: Any) -> Any:
    made: list[Flask] = []

    def build(**changes: object) -> Flask:
        made.append(create_app(make_settings(sqlite_url, tmp_path, **changes)))
        return made[-1]

    yield build
    for app in made:
        services_of(app).close()


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_answer_has_an_id_of_its_own(make: Make) -> None:
    client = make().test_client()
    found = [
        client.get(path).headers["X-Request-ID"] for path in ("/", "/nowhere", "/v1/stats", "/")
    ]
    assert len(set(found)) == 4
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in found)


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [
        ("0123456789abcdef0123456789abcdef", True),
        ("4bf92f35-77b3-4da6-a3ce-929d0e0e4736", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("short", False),
        ("", False),
        (ADDRESS, False),
        ("nf_0123456789012345678901234567890123456789abc", False),
        ("abcdefgh\tijkl", False),
        ("aaaaaaaa,bbbbbbbb", False),
    ],
)
def test_a_trusted_proxys_id_is_taken_over_where_it_looks_like_one(
    make: Make, given: str, is_taken: bool
) -> None:
    for proxies in (0, 1):
        answer = (
            make(trusted_proxies=proxies)
            .test_client()
            .get("/nowhere", headers={"X-Request-ID": given})
        )
        (shown,) = answer.headers.getlist("X-Request-ID")
        assert (shown == given) is (is_taken and proxies > 0)


def test_what_is_logged_during_a_request_and_its_body_carries_its_id(
    make: Make, lines: Lines
) -> None:
    app = make()

    def body() -> Any:
        yield b"first"
        app.logger.error("in the body")

    @app.get("/streamed")
    def streamed() -> Response:
        app.logger.error("in the view of %s", ADDRESS)
        return Response(body())

    lines()
    answer = app.test_client().get("/streamed", buffered=True)
    app.logger.error("afterwards")
    in_view, in_body, after = lines()
    assert in_view["request_id"] == in_body["request_id"] == answer.headers["X-Request-ID"]
    assert in_view["event"] == "in the view of %s"
    assert "request_id" not in after
    assert REQUEST_ID.get() is None


def test_there_is_no_access_log_unless_it_is_set(client: FlaskClient, lines: Lines) -> None:
    client.get("/")
    client.get("/nowhere")
    assert lines() == []


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/", "/", 200),
        ("HEAD", "/", "/", 200),
        ("GET", "/confirm/a-token-of-someone", "/confirm/<token>", 404),
        ("POST", "/unsubscribe/a-token-of-someone", "/unsubscribe/<token>", 404),
        ("GET", f"/nowhere/{ADDRESS}", None, 404),
        ("GET", "/v1/subscribers?email=ann%40secret.example", "/v1/subscribers", 401),
        ("DELETE", "/confirm/a-token-of-someone", None, 405),
        ("BREW", "/", None, 405),
    ],
)
def test_the_access_log_says_what_was_asked_without_addresses_and_tokens(
    make: Make, lines: Lines, method: str, path: str, route: str | None, status: int
) -> None:
    client = make(access_log=True).test_client()
    answer = client.open(path, method=method, headers={"User-Agent": ADDRESS})
    answer.close()
    (line,) = [each for each in lines() if each["event"] == "request"]
    assert (line["route"], line["status"]) == (route, status)
    assert line["method"] == ("other" if method == "BREW" else method)
    assert line["bytes"] == (0 if method == "HEAD" else len(answer.get_data()))
    assert 0 <= line["duration_ms"] < 60_000
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert not re.search("token-of|secret|127.0.0.1", json.dumps(line))


def test_a_request_whose_client_goes_away_is_logged_once(make: Make, lines: Lines) -> None:
    app = make(access_log=True)
    environ = EnvironBuilder("/").get_environ()
    body = app.wsgi_app(environ, lambda *_: lambda _: None)
    body.close()  # type: ignore[attr-defined]
    body.close()  # type: ignore[attr-defined]
    assert len([each for each in lines() if each["event"] == "request"]) == 1
