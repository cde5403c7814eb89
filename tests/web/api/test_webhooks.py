"""Administrators make, change and look at webhooks."""

from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from service.domain.webhooks.event import EventType
from service.services import Services
from service.store.access.audit import audit_page
from service.store.database import reading

URL = "https://example.org/hook"


@pytest.fixture
def admin(client: FlaskClient, services: Services) -> FlaskClient:
    key = services.keys.create("admin", "admin", actor="test")
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


def make(admin: FlaskClient, **fields: Any) -> dict[str, Any]:
    response = admin.post("/v1/webhooks", json={"url": URL, **fields})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.get_json()
    return made


def test_a_secret_is_shown_once(admin: FlaskClient) -> None:
    made = make(admin)
    assert made["secret"].startswith("whsec_")
    shown = admin.get(f"/v1/webhooks/{made['id']}").get_json()
    assert shown == {key: value for key, value in made.items() if key != "secret"}
    assert admin.get("/v1/webhooks").get_json() == {"webhooks": [shown]}
    assert shown["events"] == list(EventType)
    assert (shown["list"], shown["is_enabled"], shown["disabled_reason"]) == (None, True, None)


def test_a_webhook_is_changed_and_removed(admin: FlaskClient) -> None:
    path = f"/v1/webhooks/{make(admin)['id']}"
    changes = {
        "url": "https://example.org/other",
        "events": ["subscription.unsubscribed", "subscription.confirmed"],
        "list": "news-flash",
        "is_enabled": False,
    }
    shown = admin.patch(path, json=changes).get_json()
    assert shown["events"] == ["subscription.confirmed", "subscription.unsubscribed"]
    assert {key: shown[key] for key in ("url", "list", "is_enabled")} == {
        key: changes[key] for key in ("url", "list", "is_enabled")
    }
    assert admin.patch(path, json={"list": None}).get_json()["list"] is None
    assert admin.delete(path).status_code == 204
    assert admin.delete(path).status_code == 404
    assert admin.get(path).status_code == 404


@pytest.mark.parametrize(
    ("fields", "status", "pointer"),
    [
        ({"url": "http://example.org/"}, 422, "/url"),
        ({"url": "https://10.0.0.1/"}, 422, "/url"),
        ({"url": None}, 422, "/url"),
        ({"events": []}, 422, "/events"),
        ({"events": ["subscription.opened"]}, 422, "/events/0"),
        ({"colour": "red"}, 422, "/colour"),
        ({"list": "nowhere"}, 404, None),
    ],
)
def test_what_is_not_usable_is_refused(
    admin: FlaskClient, fields: dict[str, Any], status: int, pointer: str | None
) -> None:
    for response in (
        admin.post("/v1/webhooks", json={"url": URL, **fields}),
        admin.patch(f"/v1/webhooks/{make(admin)['id']}", json=fields),
    ):
        assert response.status_code == status, response.text
        if pointer is not None:
            assert [each["pointer"] for each in response.get_json()["errors"]] == [pointer]


def test_attempts_come_in_pages(admin: FlaskClient) -> None:
    path = f"/v1/webhooks/{make(admin)['id']}/attempts"
    assert admin.get(path).get_json() == {"attempts": [], "next_cursor": None}
    assert admin.get(f"{path}?limit=0").status_code == 422
    assert admin.get(f"/v1/webhooks/{uuid4()}/attempts").status_code == 404


@pytest.mark.parametrize("role", [None, "signup", "export"])
def test_webhooks_are_for_administrators(
    client: FlaskClient, services: Services, role: str | None
) -> None:
    headers = {}
    if role:
        key = services.keys.create(role, role, actor="test")
        headers["Authorization"] = f"Bearer {key}"
    path = f"/v1/webhooks/{uuid4()}"
    for method, target in (
        ("GET", "/v1/webhooks"),
        ("POST", "/v1/webhooks"),
        ("GET", path),
        ("PATCH", path),
        ("DELETE", path),
        ("GET", f"{path}/attempts"),
    ):
        response = client.open(target, method=method, headers=headers)
        assert response.status_code == (403 if role else 401)


def test_what_was_done_is_written_down_without_the_url(admin: FlaskClient, engine: Engine) -> None:
    made = make(admin)
    changes = {"is_enabled": False, "list": "news-flash"}
    admin.patch(f"/v1/webhooks/{made['id']}", json=changes)
    admin.delete(f"/v1/webhooks/{made['id']}")
    with reading(engine) as connection:
        deleted, changed, created, *_ = audit_page(connection, limit=10)
    assert (created.actor, created.action, created.target) == (
        "key:admin",
        "webhook.created",
        made["id"],
    )
    assert (deleted.action, deleted.target) == ("webhook.deleted", made["id"])
    host, events = urlsplit(URL).hostname, list(EventType)
    assert created.detail == {"host": host, "list": None, "events": events}
    assert deleted.detail == {"host": host, "list": "news-flash", "events": events}
    assert changed.detail == {**deleted.detail, "fields": ["is_enabled", "list"]}
    assert URL not in str([created, changed, deleted])
