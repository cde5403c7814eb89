"""The administrators' API: what each call does, who may make it, and what it leaves behind."""

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from werkzeug.routing import Rule

from service.domain.files.exchange import EXPORT_COLUMNS, FileFormat
from service.domain.files.import_row import NO_ADDRESS
from service.services import Services
from service.store.tables.delivery import OutboxMessage
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscription
from service.usecases.files.import_reading import DoubtfulRow, ImportFile, RowProblem

PEOPLE = (
    "email,name,list,status,locale,confirmed_at,source\n"
    "ada@example.org,Ada,news-flash,confirmed,en,2025-01-02T03:04:05Z,shop\n"
    "bob@example.org,=Bob,news-flash,pending,de,,\n"
    "eve@example.org,Eve,news-flash,unsubscribed,,2025-01-02T03:04:05Z,shop\n"
)
PUBLIC = {"/v1/subscriptions", "/v1/events/<provider>"}


class Admin:
    """A client with a key."""

    def __init__(self, client: FlaskClient, key: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}"}

    def call(self, method: str, path: str, **given: Any) -> Any:
        headers = {**self._headers, **given.pop("headers", {})}
        return self._client.open(path, method=method, headers=headers, **given)

    def get(self, path: str) -> Any:
        response = self.call("GET", path)
        assert response.status_code == 200, response.text
        return response.json

    def bring(self, people: str = PEOPLE) -> Any:
        response = self.call("POST", "/v1/subscribers/import", data=people, content_type="text/csv")
        assert response.status_code == 200, response.text
        return response.json


@pytest.fixture
def admin(client: FlaskClient, services: Services) -> Admin:
    return Admin(client, services.keys.create("test", "admin", actor="test"))


def id_of(admin: Admin, email: str) -> str:
    (found,) = admin.get(f"/v1/subscribers?q={email}")["subscribers"]
    return str(found["id"])


def guarded(app: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Go through the calls that take a key: the route, the method, and a path that fits."""
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/v1/") or rule.rule in PUBLIC:
            continue
        path = rule.rule
        for argument in rule.arguments:
            path = path.replace(f"<{argument}>", "x").replace(
                f"<uuid:{argument}>", "00000000-0000-7000-8000-000000000000"
            )
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            yield rule, method, path


def test_every_route_of_the_api_states_who_may_call_it(app: Flask):
    rules = [rule for rule, _, _ in guarded(app)]
    assert len(rules) > 20
    for rule in rules:
        assert getattr(app.view_functions[rule.endpoint], "auth", ()), rule.rule


def test_no_route_answers_without_a_good_key(app: Flask, client: FlaskClient, services: Services):
    signup = services.keys.create("form", "signup", actor="test")
    revoked = services.keys.create("old", "admin", actor="test")
    services.keys.revoke("old", actor="test")
    calls = list(guarded(app))
    assert len(calls) > 20
    for rule, method, path in calls:
        bare = client.open(path, method=method)
        assert bare.status_code == 401, (method, path)
        assert bare.headers["WWW-Authenticate"].startswith("Bearer")
        assert bare.content_type == "application/problem+json"
        old = client.open(path, method=method, headers={"Authorization": f"Bearer {revoked}"})
        assert old.status_code == 401, (method, path)
        roles = getattr(app.view_functions[rule.endpoint], "auth", ())
        if "signup" not in roles:
            wrong = client.open(path, method=method, headers={"Authorization": f"Bearer {signup}"})
            assert wrong.status_code == 403, (method, path)


def test_subscribers_come_in_pages_and_by_filter(admin: Admin):
    admin.bring()
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = admin.get(f"/v1/subscribers?limit=2{cursor and f'&cursor={cursor}'}")
        seen += [each["email"] for each in page["subscribers"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == ["ada@example.org", "bob@example.org", "eve@example.org"]

    def emails(query: str) -> list[str]:
        return [each["email"] for each in admin.get(f"/v1/subscribers?{query}")["subscribers"]]

    assert emails("status=pending") == ["bob@example.org"]
    assert emails("q=EVE") == ["eve@example.org"]
    assert emails("q=%25") == []
    assert len(emails("list=news-flash")) == 3
    assert admin.call("GET", "/v1/subscribers?list=nowhere").status_code == 404
    assert admin.call("GET", "/v1/subscribers?cursor=bm8").status_code == 422
    assert admin.call("GET", "/v1/subscribers?limit=0").status_code == 422


NOT_KEPT = ['{"a": 1e999}', '{"a": [-1e999]}', '{"a": %s}' % ("[" * 400 + "]" * 400)]
"""Attributes that are JSON by its grammar, and that no database or program could give back."""


@pytest.mark.parametrize("attributes", NOT_KEPT)
def test_attributes_that_cannot_be_kept_come_in_by_no_way(admin: Admin, attributes: str):
    admin.bring()
    path = f"/v1/subscribers/{id_of(admin, 'ada@')}"
    body = f'{{"attributes": {attributes}}}'
    refused = admin.call("PATCH", path, data=body, content_type="application/json")
    assert refused.status_code in (400, 422)
    quoted = attributes.replace('"', '""')
    report = admin.bring(f'email,attributes\nzoe@example.org,"{quoted}"\nmia@example.org,\n')
    assert (report["imported"], report["bad"]) == (1, 1)
    (problem,) = report["problems"]
    assert (problem["line"], problem["column"]) == (2, "attributes")
    line = f'{{"email": "zoe@example.org", "attributes": {attributes}}}'
    report = admin.call(
        "POST", "/v1/subscribers/import", data=line, content_type="application/x-ndjson"
    ).json
    assert [each["column"] for each in report["problems"]] == ["attributes"]
    assert admin.get(path)["attributes"] is None
    assert admin.get("/v1/subscribers?q=zoe")["subscribers"] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_route_passes_over_a_query_parameter_that_it_does_not_know(app: Flask, admin: Admin):
    for rule, method, path in guarded(app):
        sent = {"data": PEOPLE, "content_type": "text/csv"} if rule.rule.endswith("/import") else {}
        refused = admin.call(method, f"{path}?dry-run=true&lists=de", **sent)
        assert refused.status_code == 422, (method, path, refused.text)
        pointers = {each["pointer"] for each in refused.json["errors"]}
        assert pointers == {"/dry-run", "/lists"}, (method, path)
    assert admin.get("/v1/subscribers")["subscribers"] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_query_parameter_is_pointed_at_alike(admin: Admin):
    for query in ("since=x", "since=2026-03-02&until=2026-03-01"):
        refused = admin.call("GET", f"/v1/stats?{query}")
        assert refused.status_code == 422
        assert [each["pointer"] for each in refused.json["errors"]] == ["/since"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_cache_keeps_what_a_key_was_given(admin: Admin):
    for path in ("subscribers", "subscribers/export", "lists", "keys", "stats", "audit"):
        assert admin.call("GET", f"/v1/{path}").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ZüRICH", ["ada"]),
        ("zürich 100%", ["ada"]),
        ("100_", []),
        ("42", ["ben"]),
        ("gardens", ["cay"]),
        ("city", []),
    ],
)
def test_people_are_found_by_the_values_of_their_attributes(
    admin: Admin, text: str, names: list[str]
):
    people = {
        "ada": {"city": "Zürich 100%"},
        "ben": {"number": 42},
        "cay": {"likes": ["parks", "gardens"]},
        "dan": None,
    }
    lines = [
        json.dumps({"email": f"{name}@example.org", "attributes": attributes})
        for name, attributes in people.items()
    ]
    admin.call(
        "POST",
        "/v1/subscribers/import",
        data="\n".join(lines),
        content_type="application/x-ndjson",
    )
    path = f"/v1/subscribers/{id_of(admin, 'dan@')}"
    body = json.dumps({"attributes": None})
    assert admin.call("PATCH", path, data=body, content_type="application/json").status_code == 200
    found = admin.get(f"/v1/subscribers?{urlencode({'q': text})}")["subscribers"]
    assert [each["email"].partition("@")[0] for each in found] == names


def test_a_subscriber_is_shown_with_history_and_corrected(admin: Admin):
    admin.bring()
    path = f"/v1/subscribers/{id_of(admin, 'ada@')}"
    shown = admin.get(path)
    assert shown["subscriptions"][0]["status"] == "confirmed"
    assert shown["subscriptions"][0]["list"] == "news-flash"
    assert [event["kind"] for event in shown["consent_events"]] == ["imported"]
    assert (shown["mails"], shown["suppressed_for"]) == ([], [])
    changed = admin.call("PATCH", path, json={"name": "Ada L.", "attributes": {"a": 1}})
    assert changed.status_code == 200
    assert (changed.json["name"], changed.json["attributes"]) == ("Ada L.", {"a": 1})
    assert admin.call("PATCH", path, json={"email": "x@example.org"}).status_code == 422
    assert admin.call("PATCH", path, json={"locale": "not a locale"}).status_code == 422
    missing = "/v1/subscribers/00000000-0000-7000-8000-000000000000"
    assert admin.call("GET", missing).status_code == 404
    assert admin.call("PATCH", missing, json={}).status_code == 404
    assert admin.call("DELETE", missing).status_code == 404


def test_an_erased_person_leaves_only_a_hash_and_comes_back_by_no_file(
    admin: Admin, engine: Engine
):
    admin.bring()
    path = f"/v1/subscribers/{id_of(admin, 'ada@')}"
    assert admin.call("DELETE", path).status_code == 204
    assert admin.call("GET", path).status_code == 404
    with engine.connect() as connection:
        events = connection.execute(
            select(ConsentEvent.__table__).where(ConsentEvent.kind == "erased")
        ).all()
        everything = str(
            [
                connection.execute(select(table.__table__)).all()
                for table in (ConsentEvent, Subscription, OutboxMessage)
            ]
        )
    assert len(events) == 1
    assert not re.search(r"\bada\b", everything.lower())  # its letters may be within a random id
    (kept,) = admin.get("/v1/suppressions?email=ada@example.org")["suppressions"]
    assert (kept["reason"], kept["email"], kept["note"]) == ("erased", None, None)
    report = admin.bring()
    assert (report["imported"], report["skipped"], report["unchanged"]) == (0, 1, 2)
    hashed = kept["address_hash"]
    lifted = admin.call("DELETE", f"/v1/suppressions/{hashed}?reason=erased")
    assert lifted.status_code == 409


def test_addresses_are_suppressed_and_let_go_by_hand(admin: Admin):
    for _ in range(2):
        added = admin.call("POST", "/v1/suppressions", json={"email": "Ada@example.org"})
        assert added.status_code == 201
    assert admin.bring()["skipped"] == 1
    page = admin.get("/v1/suppressions")
    assert [each["email"] for each in page["suppressions"]] == ["ada@example.org"]
    path = f"/v1/suppressions/{added.json['address_hash']}"
    assert admin.call("DELETE", path).status_code == 204
    assert admin.call("DELETE", path).status_code == 404
    assert admin.call("POST", "/v1/suppressions", json={"email": "nobody"}).status_code == 422


def test_lists_are_made_and_changed(admin: Admin):
    made = admin.call(
        "POST",
        "/v1/lists",
        json={"slug": "extra", "name": "Extra", "origins": ["https://A.example/"]},
    )
    assert made.status_code == 201
    assert made.json["origins"] == ["https://a.example"]
    assert admin.call("POST", "/v1/lists", json={"slug": "extra", "name": "X"}).status_code == 409
    assert admin.call("PATCH", "/v1/lists/extra", json={"is_default": True}).status_code == 200
    assert [each["is_default"] for each in admin.get("/v1/lists")["lists"]] == [True, False]
    assert admin.call("PATCH", "/v1/lists/extra", json={"is_default": False}).status_code == 409
    assert admin.get("/v1/lists/extra")["name"] == "Extra"
    assert admin.call("GET", "/v1/lists/nowhere").status_code == 404
    for wrong in ({"redirect_url": "javascript:x"}, {"origins": ["x"]}, {"sender": "x"}, {"x": 1}):
        assert admin.call("PATCH", "/v1/lists/extra", json=wrong).status_code == 422, wrong


@pytest.mark.parametrize(
    "sender", ["Name <n@example.org", '"News <n@example.org>"', "News, Flash <n@example.org>"]
)
def test_a_sender_that_is_none_is_refused_and_the_right_form_shown(admin: Admin, sender: str):
    answer = admin.call("PATCH", "/v1/lists/news-flash", json={"sender": sender})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/sender"
    assert '"News, Flash" <news@example.org>' in answer.json["errors"][0]["detail"]
    good = '"News, Flash" <n@example.org>'
    assert admin.call("PATCH", "/v1/lists/news-flash", json={"sender": good}).json["sender"] == good


def test_keys_are_made_shown_once_and_revoked(admin: Admin, client: FlaskClient):
    made = admin.call("POST", "/v1/keys", json={"name": "tool", "role": "export"})
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    tool = Admin(client, made.json["key"])
    assert tool.call("GET", "/v1/subscribers/export").status_code == 200
    assert tool.call("GET", "/v1/keys").status_code == 403
    assert made.json["key"] not in json.dumps(admin.get("/v1/keys"))
    assert admin.call("DELETE", "/v1/keys/tool").status_code == 204
    assert tool.call("GET", "/v1/subscribers/export").status_code == 401
    assert admin.call("DELETE", "/v1/keys/nobody").status_code == 404


def test_an_export_is_a_file_that_no_cache_keeps(admin: Admin):
    admin.bring()
    response = admin.call("GET", "/v1/subscribers/export?list=news-flash")
    assert response.content_type.startswith("text/csv; charset=utf-8")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="news-flash-')
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    assert list(rows[0]) == list(EXPORT_COLUMNS)
    assert {row["name"] for row in rows} == {"Ada", "'=Bob", "Eve"}
    assert admin.call("GET", "/v1/subscribers/export?columns=x").status_code == 422
    assert admin.call("GET", "/v1/subscribers/export?list=nowhere").status_code == 404
    assert admin.call("GET", "/v1/subscribers/export?format=pdf").status_code == 422


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_an_export_that_breaks_off_does_not_look_whole(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, form: str
):
    def breaking(*_: Any) -> Iterator[bytes]:
        yield b"email\n" if form == "csv" else b'{"email":"ada@example.org"}\n'
        raise OSError("the row of ada@example.org")

    monkeypatch.setattr("service.store.files.exports.export_blocks", breaking)
    response = admin.call("GET", f"/v1/subscribers/export?format={form}", buffered=False)
    blocks = iter(response.response)
    received = next(blocks) + next(blocks)
    with pytest.raises(RuntimeError, match="the export stopped"):
        next(blocks)
    response.close()
    assert b"incomplete" in received.splitlines()[-1]
    file = ImportFile(io.BytesIO(received), FileFormat(form))
    assert isinstance(list(file.rows())[-1], RowProblem | DoubtfulRow)


def test_an_exported_link_unsubscribes(admin: Admin, client: FlaskClient):
    admin.bring()
    path = "/v1/subscribers/export?format=ndjson&status=confirmed&columns=email,unsubscribe_url"
    (line,) = admin.call("GET", path).text.splitlines()
    link = json.loads(line)["unsubscribe_url"].partition("/unsubscribe/")[2]
    left = client.post(f"/unsubscribe/{link}", data={"List-Unsubscribe": "One-Click"})
    assert left.status_code == 200
    assert admin.call("GET", path).text == ""


def test_an_import_tells_bad_rows_and_refuses_what_is_no_file(admin: Admin):
    report = admin.bring(PEOPLE + "nobody,,,,,,\n")
    assert (report["rows"], report["imported"], report["bad"]) == (4, 3, 1)
    assert report["problems"] == [{"line": 5, "column": "email", "message": NO_ADDRESS}]
    path = "/v1/subscribers/import"
    assert admin.call("POST", path, data="x", content_type="text/plain").status_code == 415
    refused = admin.call("POST", path, data="a;b\n", content_type="text/csv")
    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == "/file"


def test_an_import_can_be_tried_and_tells_of_every_row(admin: Admin):
    path = "/v1/subscribers/import"
    people = PEOPLE + "nobody,,,,,,\nzoe@example.org,,,confirmed,,,\n"

    def post(query: str) -> Any:
        return admin.call(
            "POST", f"{path}?{query}", data=people, content_type="text/csv", buffered=True
        )

    tried = post("dry_run=true").json
    assert (tried["imported"], tried["asked"], tried["bad"]) == (4, 1, 1)
    assert admin.get("/v1/subscribers")["subscribers"] == []
    answer = post("report=csv&mails_an_hour=60")
    assert answer.content_type.startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert {(row["line"], row["outcome"]) for row in rows} == {
        ("2", "imported"),
        ("3", "imported"),
        ("4", "imported"),
        ("5", "bad"),
        ("6", "asked"),
    }
    assert len(admin.get("/v1/subscribers")["subscribers"]) == 4
    left = post("left=true").json
    assert (left["imported"], left["unchanged"], left["bad"]) == (3, 1, 1)
    found = admin.get("/v1/subscribers?status=unsubscribed")["subscribers"]
    assert len(found) == 4
    assert post("list=nowhere").status_code == 404
    assert post("encoding=nothing").status_code == 422
    assert post("mails_an_hour=0").status_code == 422


def test_an_import_may_be_larger_than_other_bodies(admin: Admin):
    people = "".join(f"p{number}@example.org,pending\n" for number in range(20_000))
    assert len(people) > 256 * 1024
    assert admin.bring(f"email,status\n{people}")["imported"] == 20_000


def test_everything_done_is_in_the_audit_log_without_an_address(admin: Admin):
    admin.bring()
    person = id_of(admin, "ada@")
    admin.call("PATCH", f"/v1/subscribers/{person}", json={"name": "Ada L."})
    admin.call("DELETE", f"/v1/subscribers/{person}")
    admin.call("GET", "/v1/subscribers/export")
    hashed = admin.call("POST", "/v1/suppressions", json={"email": "z@example.org"}).json
    admin.call("DELETE", f"/v1/suppressions/{hashed['address_hash']}")
    admin.call("POST", "/v1/lists", json={"slug": "extra", "name": "Extra"})
    admin.call("PATCH", "/v1/lists/extra", json={"name": "More"})
    admin.call("POST", "/v1/keys", json={"name": "tool", "role": "export"})
    admin.call("DELETE", "/v1/keys/tool")
    entries: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = admin.get(f"/v1/audit?limit=3{cursor and f'&cursor={cursor}'}")
        entries += page["entries"]
        cursor = page["next_cursor"]
    assert [entry["action"] for entry in reversed(entries)] == [
        "key.created",
        "subscribers.imported",
        "subscriber.changed",
        "subscriber.erased",
        "subscribers.exported",
        "suppression.added",
        "suppression.lifted",
        "list.created",
        "list.changed",
        "key.created",
        "key.revoked",
    ]
    assert {entry["actor"] for entry in entries} == {"test", "key:test"}
    assert "@" not in json.dumps(entries)


def test_stats_count_the_days_asked_for(admin: Admin, client: FlaskClient):
    client.post("/v1/subscriptions", json={"email": "zoe@example.org"})
    stats = admin.get("/v1/stats?list=news-flash")
    counts = {"signups": 1, "confirmations": 0, "leavers": 0, "bounces": 0, "complaints": 0}
    assert stats["totals"] == {**counts, "confirmation_rate": 0.0}
    assert stats["days"][-1] == {**counts, "day": stats["until"]}
    assert stats["lists"][0]["days"] == stats["days"]
    assert len(admin.get("/v1/stats?since=2025-01-01&until=2025-12-31")["days"]) == 365


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("since=2025-01-01&until=2026-01-02", 422),
        ("since=yesterday", 422),
        ("until=0001-01-01", 422),
        ("list=nowhere", 404),
    ],
)
def test_stats_that_cannot_be_are_refused(admin: Admin, query: str, status: int):
    assert admin.call("GET", f"/v1/stats?{query}").status_code == status
