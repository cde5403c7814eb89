"""`POST /v1/subscriptions` under every kind of body, and errors that say enough and no more."""

import json
from itertools import product
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from service.app import services_of
from service.domain import errors as domain
from service.web.http.problems import CONTENT_TYPE

PATH = "/v1/subscriptions"
ADA = "ada@example.org"


def post(
    client: FlaskClient, body: bytes | str, content_type: str = "application/json"
) -> TestResponse:
    data = body if isinstance(body, bytes) else body.encode()
    return client.post(PATH, data=data, content_type=content_type)


def problem(answer: TestResponse, status: int) -> dict[str, Any]:
    """Return the answer as a problem document (RFC 9457)."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == CONTENT_TYPE
    document: dict[str, Any] = json.loads(answer.get_data())
    assert document["status"] == status
    assert document["type"].startswith("urn:newsflash:problem:")
    assert document["title"]
    return document


def pointers(document: dict[str, Any]) -> set[str]:
    return {error["pointer"] for error in document["errors"]}


def test_a_signup_is_accepted_and_nothing_more_is_told(client: FlaskClient):
    answer = client.post(PATH, json={"email": ADA})
    assert answer.status_code == 202
    assert set(answer.json or {}) == {"status", "status_url"}
    assert (answer.json or {})["status"] == "pending"
    assert "Set-Cookie" not in answer.headers


def test_every_field_is_taken(client: FlaskClient):
    answer = client.post(
        PATH,
        json={
            "email": "Ada@example.org",
            "lists": ["news-flash", "news-flash"],
            "locale": "de-AT",
            "name": "Ada",
            "attributes": {"a": 1, "b": [True, None, {"c": "d"}]},
            "source": "https://site.example/",
            "website": "",
        },
    )
    assert answer.status_code == 202


def test_a_bot_gets_the_same_answer_and_nothing_is_taken(client: FlaskClient):
    real = client.post(PATH, json={"email": ADA})
    trapped = client.post(PATH, json={"email": "bot@example.org", "website": "http://spam"})
    assert real.json is not None
    assert trapped.json is not None
    assert trapped.status_code == 202
    assert len(trapped.json["status_url"]) == len(real.json["status_url"])
    assert {name for name, _ in trapped.headers} == {name for name, _ in real.headers}
    page = client.get(trapped.json["status_url"])
    assert page.status_code == 200


BAD_FIELDS: list[tuple[bytes, str]] = [
    (b"{}", "/email"),
    (b"[]", "/"),
    (b"[1]", "/"),
    (b'"text"', "/"),
    (b"1", "/"),
    (b"null", "/"),
    (b"true", "/"),
    (b'{"email": 1}', "/email"),
    (b'{"email": true}', "/email"),
    (b'{"email": null}', "/email"),
    (b'{"email": ""}', "/email"),
    (b'{"email": "nobody"}', "/email"),
    (b'{"email": ["ada@example.org"]}', "/email"),
    (b'{"email": {"a": 1}}', "/email"),
    (b'{"email": "a@example.org\\r\\nBcc: eve@example.org"}', "/email"),
    (b'{"email": "a\\u0000@example.org"}', "/email"),
    (b'{"email": "a\\ud800@example.org"}', "/email"),
    (b'{"email": "' + b"a" * 300 + b'@example.org"}', "/email"),
    (b'{"email": "a@example.org", "name": "a\\u0000b"}', "/name"),
    (b'{"email": "a@example.org", "name": "a\\ud800b"}', "/name"),
    (b'{"email": "a@example.org", "name": 1}', "/name"),
    (b'{"email": "a@example.org", "name": null}', "/name"),
    (b'{"email": "a@example.org", "name": "' + b"a" * 201 + b'"}', "/name"),
    (b'{"email": "a@example.org", "source": "\\u0000"}', "/source"),
    (b'{"email": "a@example.org", "locale": "en\\n"}', "/locale"),
    (b'{"email": "a@example.org", "locale": "../../etc"}', "/locale"),
    (b'{"email": "a@example.org", "lists": "news-flash"}', "/lists"),
    (b'{"email": "a@example.org", "lists": []}', "/lists"),
    (b'{"email": "a@example.org", "lists": [1]}', "/lists/0"),
    (b'{"email": "a@example.org", "lists": [' + b'"a",' * 20 + b'"a"]}', "/lists"),
    (b'{"email": "a@example.org", "attributes": []}', "/attributes"),
    (b'{"email": "a@example.org", "attributes": {"a": "\\u0000"}}', "/attributes"),
    (b'{"email": "a@example.org", "attributes": {"\\u0000": 1}}', "/attributes"),
    (b'{"email": "a@example.org", "attributes": {"a": ["\\udfff"]}}', "/attributes"),
    (b'{"email": "a@example.org", "attributes": {"\\udfff": 1}}', "/attributes"),
    (
        b'{"email": "a@example.org", "attributes": {"a": ' + b"[" * 500 + b"]" * 500 + b"}}",
        "/attributes",
    ),
    (
        b'{"email": "a@example.org", "attributes": {"a": "' + b"a" * 10_000 + b'"}}',
        "/attributes",
    ),
    (b'{"email": "a@example.org", "surprise": 1}', "/surprise"),
    (b'{"email": "a@example.org", "a/b~c": 1}', "/a~1b~0c"),
    (b'{"email": "a@example.org", "\\udfff": 1}', "/\udfff"),
]


def test_a_bad_field_is_pointed_at(client: FlaskClient):
    found = {}
    for body, _ in BAD_FIELDS:
        document = problem(post(client, body), 422)
        assert document["type"] == "urn:newsflash:problem:invalid-input"
        assert all(error["detail"] for error in document["errors"])
        found[body] = pointers(document)
    assert found == {body: {pointer} for body, pointer in BAD_FIELDS}


def test_every_bad_field_is_pointed_at(client: FlaskClient):
    document = problem(client.post(PATH, json={"email": 1, "name": 2, "x": 3}), 422)
    assert pointers(document) == {"/email", "/name", "/x"}


NO_JSON: list[bytes] = [
    b"",
    b"{",
    b"{'email': 'a@example.org'}",
    b'{"email": "\xff@example.org"}',
    '{"email": "a@example.org"}'.encode("utf-16"),
    b"\xef\xbb\xbf{}",
    b'{"email": "a@example.org", "attributes": {"a": NaN}}',
    b'{"email": "a@example.org", "attributes": {"a": -Infinity}}',
    b'{"email": "a@example.org", "attributes": {"a": 1e999}}',
    b'{"email": "a@example.org", "attributes": {"a": ' + b"9" * 5000 + b"}}",
    b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 20_000,
    b'{"email": "a@example.org"} trailing',
]


def test_what_is_no_json_is_refused_as_such(client: FlaskClient):
    for body in NO_JSON:
        problem(post(client, body), 400)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_another_media_type_is_refused(client: FlaskClient, content_type: str):
    problem(post(client, b'{"email": "a@example.org"}', content_type), 415)


def test_a_huge_body_is_refused(client: FlaskClient):
    problem(post(client, b'{"email": "' + b"a" * 300_000 + b'"}'), 413)


def test_an_unknown_list_is_named_as_such(client: FlaskClient):
    document = problem(client.post(PATH, json={"email": ADA, "lists": ["nowhere"]}), 404)
    assert document["type"] == "urn:newsflash:problem:unknown-list"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_another_method_is_refused(client: FlaskClient, method: str):
    answer = client.open(PATH, method=method)
    problem(answer, 405)
    assert "POST" in answer.headers["Allow"]


def test_an_unknown_path_of_the_api_is_a_problem_for_browsers_too(client: FlaskClient):
    problem(client.get("/v1/nowhere", headers={"Accept": "text/html"}), 404)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)
names = st.sampled_from(
    ["email", "lists", "locale", "name", "attributes", "source", "website", "other"]
)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(body=st.dictionaries(names, json_values), email=st.booleans())
def test_no_body_is_answered_500(client: FlaskClient, body: dict[str, object], email: bool):
    answer = post(client, json.dumps({**body, "email": ADA} if email else body))
    if answer.status_code != 202:
        assert answer.status_code in (400, 404, 422)
        problem(answer, answer.status_code)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_no_bytes_are_answered_500(client: FlaskClient, body: bytes):
    assert post(client, body).status_code in (400, 422)


# --- links in the hands of anyone ---


FORGED = ["x", "x.y", ".", "%00", "%ff", "%ed%a0%80", "é", "a" * 4000, "AQ.AQ", "%2e%2e%2fx"]


@pytest.mark.parametrize("path", ["/confirm/", "/unsubscribe/", "/status/"])
def test_a_forged_link_is_not_found(client: FlaskClient, path: str):
    found = {
        (token, method): client.open(
            path + token, method=method, data={"code": "123456"} if method == "POST" else None
        ).status_code
        for token, method in product(FORGED, ("GET", "HEAD", "POST"))
    }
    assert set(found.values()) == {404}, found


# --- errors ---


def raising(app: Flask, monkeypatch: pytest.MonkeyPatch, error: Exception) -> FlaskClient:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(type(services_of(app).subscribe), "__call__", fail)
    return app.test_client()


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (domain.NotFoundError("x"), 404, "not-found"),
        (domain.ConflictError("There is one."), 409, "conflict"),
        (domain.InvalidInputError("name", "Too odd."), 422, "invalid-input"),
        (domain.LinkForgedError(), 404, "unknown-link"),
        (domain.LinkExpiredError(), 410, "expired-link"),
        (domain.LinkEndedError(), 410, "ended-link"),
        (domain.WrongCodeError(), 422, "wrong-code"),
        (domain.TooManyTriesError(), 429, "too-many-tries"),
        (domain.UnavailableError(), 503, "unavailable"),
    ],
)
def test_a_domain_error_has_its_status_and_type(
    app: Flask, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, name: str
):
    client = raising(app, monkeypatch, error)
    document = problem(client.post(PATH, json={"email": ADA}), status)
    assert document["type"] == f"urn:newsflash:problem:{name}"


def test_a_database_that_cannot_answer_is_said_so_without_its_words(
    app: Flask, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    error = OperationalError("SELECT s3kr1t", {"email": ADA}, Exception(f"no route for {ADA}"))
    answer = raising(app, monkeypatch, error).post(PATH, json={"email": ADA})
    problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    for place in (answer.get_data(as_text=True), *capfd.readouterr()):
        assert ADA not in place
        assert "s3kr1t" not in place


def test_a_surprise_is_answered_500_without_its_words(
    app: Flask, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    client = raising(app, monkeypatch, RuntimeError(f"s3kr1t about {ADA}"))
    answer = client.post(PATH, json={"email": ADA})
    assert problem(answer, 500)["type"] == "urn:newsflash:problem:internal-error"
    for place in (answer.get_data(as_text=True), *capfd.readouterr()):
        assert ADA not in place
        assert "s3kr1t" not in place


def test_every_error_of_the_domain_has_an_answer():
    from service.web.http.problems import _TABLE

    def all_of(kind: type[Exception]) -> set[type[Exception]]:
        found = {kind}
        for inner in kind.__subclasses__():
            found |= all_of(inner)
        return found

    for kind in all_of(domain.NewsflashError) - {domain.NewsflashError, domain.LinkError}:
        assert any(base in _TABLE for base in kind.__mro__), kind
