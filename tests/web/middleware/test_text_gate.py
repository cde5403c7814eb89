"""Whatever text, number or time comes in wherever: refused with what to do, never a 500."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.services import Services
from service.web.contract.openapi import METHODS, contract_of
from tests.web.console.steps import ORIGIN, Admin

NUL = "a\0b"
TEXTS = (NUL, "\0", "x" * 5000, " ", "%", "9" * 30, "-1", "NaN", "'\u202e\U0001f4a5")
RAW = ("%ff", "%ed%a0%80", "%c0%80", "%", "%zz", "%00")
MOMENTS = (
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59.999999Z",
    "0000-00-00T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-01-01T24:00:00+99:99",
    "-2026-01-01T00:00:00Z",
    "1e9",
)
DAYS = ("0001-01-01", "9999-12-31", "0000-00-00", "2026-02-30", "10000-01-01", "-1")
NUMBERS = ("-1", "0", str(2**31), str(2**63), str(2**64), "9" * 5000, "1e3", "NaN", "0x1", "\u0664")
JSON_TEXTS = (NUL, "\ud800", "\udfff", "x" * 5000)
JSON_VALUES: tuple[Any, ...] = (
    None, True, -1, 2**31, 2**63, -(2**63) - 1, 10**40, 1e308, [], {}, [[]], [None],
    {NUL: 1}, {"\ud800": 1}, {"a": NUL}, {"a": {"b": ["\ud800"]}}, {"a": 2**70}, [NUL], ["\ud800"],
)  # fmt: skip
BODIES = (
    b'"\\ud800"', b'["\\u0000"]', b"[[[[", b"1" * 5000, b'{"a":1e400}', b'{"a":NaN}',
    b'{"a":-Infinity}', b"\xff\xfe{}", b"{}\0", b'{"\\u0000":1}', b'{"a":' * 70 + b"1" + b"}" * 70,
    b'{"a":' * 980 + b"1" + b"}" * 980, b"[" * 100_000,
)  # fmt: skip
FIRST = {"email": "ben@example.org", "url": "https://example.org/x", "text": "Yes", "role": "admin"}


class Caller:
    """Calls the app and keeps what was answered with 5xx, or raised."""

    def __init__(self, client: FlaskClient, headers: Mapping[str, str]) -> None:
        self._client, self._headers = client, headers
        self.calls = 0
        self.wrong: list[str] = []

    def __call__(self, method: str, target: str, **given: Any) -> None:
        self.calls += 1
        answer = self._client.open(
            target,
            method=method.upper(),
            headers={**self._headers, **given.pop("headers", {})},
            **given,
        )
        answer.get_data()
        answer.close()
        if answer.status_code >= 500:
            what = str(given.get("data") or given.get("json") or "")
            self.wrong.append(f"{method} {target[:120]} {what[:120]}: {answer.status_code}")


def encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def resolve(described: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    while (reference := value.get("$ref")) is not None:
        value = described
        for step in reference.removeprefix("#/").split("/"):
            value = value[step]
    return value


def texts_for(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return values on the edge of what a parameter of this kind takes."""
    if schema.get("type") == "integer":
        return (*NUMBERS, NUL)
    if schema.get("format") == "date-time":
        return (*MOMENTS, NUL)
    if schema.get("format") == "date":
        return (*DAYS, NUL)
    return TEXTS


def operations(described: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, list[Any]]]:
    """Go through method, path, operation and parameters of every call."""
    for path, item in described["paths"].items():
        for method in METHODS:
            if operation := item.get(method):
                both = (*item.get("parameters", ()), *operation.get("parameters", ()))
                yield method, path, operation, [resolve(described, each) for each in both]


@pytest.fixture
def somebody(client: FlaskClient, services: Services) -> str:
    """The id of a subscriber."""
    client.post("/v1/subscriptions", json={"email": "ada@example.org"})
    page = services.subscribers.page(limit=1, cursor=None, list=None, status=None, text=None)
    return str(page.items[0].info.id)


@pytest.fixture
def call(client: FlaskClient, services: Services) -> Caller:
    key = services.keys.create("walk", "admin", actor="test")
    return Caller(client, {"Authorization": f"Bearer {key}"})


def test_no_path_or_query_of_the_api_is_more_than_refused(app: Flask, call: Caller, somebody: str):
    described = contract_of(app)
    for method, path, operation, parameters in operations(described):
        takes = operation.get("requestBody", {}).get("content", {})
        body: dict[str, Any] = {"json": {}} if "application/json" in takes else {}
        good = path
        for each in parameters:
            if each["in"] == "path":
                is_id = each["schema"].get("format") == "uuid"
                good = good.replace(f"{{{each['name']}}}", somebody if is_id else "news-flash")
        for each in parameters:
            name = each["name"]
            if each["in"] == "path":
                for text in (*map(encoded, TEXTS), *RAW):
                    call(method, re.sub(r"\{\w+\}", text, path), **body)
            elif each["in"] == "query":
                for text in (*map(encoded, texts_for(each["schema"])), *RAW):
                    call(method, f"{good}?{name}={text}", **body)
        call(method, f"{good}?%00=1&a=%00", **body)
    assert call.calls > 500
    assert call.wrong == []


def test_no_body_of_the_api_is_more_than_refused(app: Flask, call: Caller, somebody: str):
    described = contract_of(app)
    for method, path, operation, _ in operations(described):
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            continue
        good = re.sub(r"\{\w*id\}", somebody, path)
        good = re.sub(r"\{\w+\}", "news-flash", good)
        schema = resolve(described, content["application/json"].get("schema", {}))
        first = {name: FIRST.get(name, "abc") for name in schema.get("required", ())}
        for name in (*schema.get("properties", ()), NUL, "\ud800"):
            kind = resolve(described, schema.get("properties", {}).get(name, {}))
            for value in (*JSON_TEXTS, *JSON_VALUES, *texts_for(kind)):
                call(method, good, json={**first, name: value})
        for raw in BODIES:
            call(method, good, data=raw, content_type="application/json")
    assert call.calls > 500
    assert call.wrong == []


def _filled(rule: str, text: str) -> str:
    """Put the text in place of a route's parts."""
    return "".join(text if part.startswith("<") else part for part in re.split(r"(<[^>]*>)", rule))


FIELDS = (
    "email", "name", "locale", "source", "website", "form_token", "step", "proof", "consent_text",
    "code", "token", "reason", "detail", "List-Unsubscribe", "\0",
)  # fmt: skip


def test_no_page_and_no_form_of_a_visitor_is_more_than_refused(app: Flask, client: FlaskClient):
    call = Caller(client, {"Accept": "text/html"})
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(("/v1/", "/admin")):
            continue
        plain = re.sub(r"<[^>]*>", "news-flash", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            form = {"email": "ada@example.org"} if method == "POST" else None
            for text in (*map(encoded, TEXTS), *RAW) if rule.arguments else ():
                call(method, _filled(rule.rule, text), data=form)
            for text in ("%00", "%ff", "x" * 5000):
                call(method, f"{plain}?locale={text}", data=form)
        for name in FIELDS if "POST" in (rule.methods or ()) else ():
            call("POST", plain, data={"email": "cleo@example.org", name: NUL})
            for raw in ("%ff", "%ed%a0%80", "x" * 5000):
                call(
                    "POST",
                    plain,
                    data=f"email=cleo%40example.org&{encoded(name)}={raw}",
                    content_type="application/x-www-form-urlencoded",
                )
    assert call.calls > 300
    assert call.wrong == []


ADMIN_FORMS = (
    {"name": NUL}, {"\0": "x"}, {"since": "0001-01-01", "expires": "9999-12-31", "role": "export"},
    {"attributes": '{"a": "\\u0000\\ud800"}'}, {"attributes": "[" * 5000}, {"address": "\u00e4"},
    {"name": "x" * 5000, "slug": "9" * 30, "url": "http://[", "email": "@", "origins": "http://["},
)  # fmt: skip


def test_no_admin_page_and_no_admin_form_is_more_than_refused(
    app: Flask, client: FlaskClient, services: Services, somebody: str
):
    admin = Admin.sign_in(client, services)
    call = Caller(client, {"Origin": ORIGIN})
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/admin") or "sign_out" in rule.endpoint:
            continue
        good = re.sub("<uuid:[^>]*>", somebody, rule.rule)
        good = re.sub("<[^>]*>", "news-flash", good)
        if "GET" in (rule.methods or ()):
            for text in (NUL, "9" * 30, "9999-12-31", "0001-01-01"):
                for names in (("cursor",), ("q", "list", "status", "since", "done", "next")):
                    call("GET", good + "?" + "&".join(f"{name}={encoded(text)}" for name in names))
        if "POST" in (rule.methods or ()) and "import" not in rule.rule:
            for changed in ADMIN_FORMS:
                form = {"csrf_token": admin.token, "name": "n", "slug": "s", "text": "t"}
                call("POST", good, data=form | changed)
    assert call.calls > 200
    assert call.wrong == []


@pytest.mark.parametrize("name", ["User-Agent", "Referer", "Origin", "Idempotency-Key", "Cookie"])
@pytest.mark.parametrize("value", [NUL, "\xff" * 50, "x" * 9000, "\x7f\x01", '"\\000\\377\\777"'])
def test_no_header_is_more_than_refused(client: FlaskClient, name: str, value: str):
    given = {name: value, "Accept": "text/html"}
    for target in ("/v1/subscriptions", "/subscribe/news-flash"):
        form = {"json" if "v1" in target else "data": {"email": "ada@example.org"}}
        assert client.post(target, headers=given, **form).status_code < 500
    for target in ("/", "/admin", "/admin/oidc/callback?state=x&code=y"):
        assert client.get(target, headers=given).status_code < 500


def test_what_is_refused_is_pointed_at(client: FlaskClient, call: Caller, services: Services):
    key = services.keys.create("points", "admin", actor="test")
    given = {"Authorization": f"Bearer {key}"}

    def pointers(answer) -> list[str]:
        assert answer.status_code == 422
        return [each["pointer"] for each in answer.json["errors"]]

    assert pointers(client.get("/v1/subscribers?q=%00", headers=given)) == ["/q"]
    assert pointers(client.get("/v1/subscribers?%00=1", headers=given)) == ["/"]
    deep = {"email": "ada@example.org", "attributes": {"a/b": {"c": ["x", "\0"]}}}
    assert pointers(client.post("/v1/subscriptions", json=deep)) == ["/attributes"]
    keyed = {"email": "ada@example.org", "attributes": {"a": {"\ud800": 1}}}
    assert pointers(client.post("/v1/subscriptions", json=keyed)) == ["/attributes"]
    nested = {"email": "ada@example.org", "attributes": {"a": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}}
    assert pointers(client.post("/v1/subscriptions", json=nested)) == ["/attributes"]
    form = {"email": "ada@example.org", "name": NUL}
    assert pointers(client.post("/subscribe/news-flash", data=form)) == ["/name"]
    assert client.delete("/v1/keys/%00", headers=given).status_code == 404
    since = "/v1/subscribers/export?since=0001-01-01T00:00:00%2B14:00"
    assert pointers(client.get(since, headers=given)) == ["/since"]
    for end in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00-14:00"):
        answer = client.get(f"/v1/subscribers/export?since={quote(end)}", headers=given)
        assert (answer.status_code, answer.text.count("\n")) == (200, 1)


def test_a_file_name_that_is_no_text_is_refused(client: FlaskClient):
    body = (
        '--b\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@example.org\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\nx\r\n--b--\r\n'
    )
    for name, status in (("a\0b.csv", 422), ("ok.csv", 303)):
        answer = client.post(
            "/subscribe/news-flash",
            data=body % name,
            content_type="multipart/form-data; boundary=b",
        )
        assert answer.status_code == status


def test_nothing_of_a_form_with_bad_text_is_taken(client: FlaskClient, services: Services):
    client.post("/subscribe/news-flash", data={"email": "ada@example.org", "x": "\0"})
    page = services.subscribers.page(limit=1, cursor=None, list=None, status=None, text=None)
    assert list(page.items) == []


@pytest.mark.parametrize("text", ["Zoë", "日本語", "👩‍👩‍👧", "a\tb\nc", "\u0001", "\ufffe"])
def test_whatever_can_be_kept_is_taken_and_given_back(call, client, services, somebody, text):
    key = services.keys.create("back", "admin", actor="test")
    given = {"Authorization": f"Bearer {key}"}
    answer = client.patch(
        f"/v1/subscribers/{somebody}",
        json={"name": text, "attributes": {text: [text, 2**53, 10**30]}},
        headers=given,
    )
    assert answer.status_code == 200
    assert answer.json["name"] == text
    assert json.loads(answer.text)["attributes"] == {text: [text, 2**53, 10**30]}
