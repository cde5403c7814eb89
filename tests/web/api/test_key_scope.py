"""Keys for some lists only, and keys that end by themselves."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.clock import utc_now
from service.domain.errors import InvalidInputError, UnknownListError
from service.services import Services

PEOPLE = (
    "email,list,status\nada@example.org,news-flash,pending\nbob@example.org,other,pending\n"
    "eve@example.org,other,pending\n"
)


@pytest.fixture
def admin(client: FlaskClient, services: Services) -> dict[str, str]:
    services.lists.create(slug="other", name="Other", actor="test")
    headers = {"Authorization": f"Bearer {services.keys.create('boss', 'admin', actor='test')}"}
    client.post("/v1/subscribers/import", data=PEOPLE, content_type="text/csv", headers=headers)
    return headers


def made(client: FlaskClient, admin: dict[str, str], **given: Any) -> dict[str, str]:
    answer = client.post("/v1/keys", json=given, headers=admin)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {json.loads(answer.text)['key']}"}


def test_an_export_key_sees_its_lists_only(client: FlaskClient, admin: dict[str, str]):
    headers = made(client, admin, name="tool", role="export", lists=["other"])

    def get(path: str) -> Any:
        return client.get(path, headers=headers)

    text = get("/v1/subscribers/export").text
    assert "ada@" not in text
    assert "bob@" in text
    assert "bob@" in get("/v1/subscribers/export?list=other").text
    since = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert get(f"/v1/subscribers/export?since={since}").text.count("@example.org") == 2
    assert get("/v1/subscribers/export?list=news-flash").status_code == 404
    assert [each["slug"] for each in json.loads(get("/v1/lists").text)["lists"]] == ["other"]
    stats = json.loads(get("/v1/stats").text)
    assert [each["list"] for each in stats["lists"]] == ["other"]
    assert get("/v1/stats?list=other").status_code == 200
    assert get("/v1/stats?list=news-flash").status_code == 404
    assert get("/v1/lists/other").status_code == 200
    assert get("/v1/lists/news-flash").status_code == 404
    shown = json.loads(client.get("/v1/keys", headers=admin).text)["keys"]
    assert [each["lists"] for each in shown] == [None, ["other"]]
    assert shown[1]["last_used_at"]


def test_tombstones_outside_the_scope_are_not_given(
    client: FlaskClient, services: Services, admin: dict[str, str]
):
    headers = made(client, admin, name="tool", role="export", lists=["other"])
    gone = {name: services.subscribers.id_of(f"{name}@example.org") for name in ("ada", "bob")}
    for each in gone.values():
        services.subscribers.erase(each, actor="test")
    since = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = client.get(f"/v1/subscribers/export?since={since}", headers=headers).text
    assert str(gone["bob"]) in text
    assert str(gone["ada"]) not in text


def test_a_signup_key_signs_up_for_its_lists_only(client: FlaskClient, admin: dict[str, str]):
    headers = made(client, admin, name="form", role="signup", lists=["other"])

    def sign_up(**more: Any) -> int:
        body = {"email": "zoe@example.org", **more}
        return client.post("/v1/subscriptions", json=body, headers=headers).status_code

    assert sign_up(lists=["other"]) == 202
    assert sign_up(lists=["other", "news-flash"]) == 403
    assert sign_up() == 403


def test_a_key_ends_by_itself_and_with_it_its_session(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
):
    end = utc_now() + timedelta(days=1)
    key = services.keys.create("short", "admin", actor="test", expires_at=end)
    headers = {"Authorization": f"Bearer {key}"}
    assert client.get("/v1/keys", headers=headers).status_code == 200
    secret = services.admin_sessions.open_with_key(key)
    assert secret is not None
    assert services.admin_sessions.find(secret)
    monkeypatch.setattr("service.usecases.access.keys.utc_now", lambda: end)
    monkeypatch.setattr("service.usecases.access.sessions.utc_now", lambda: end)
    monkeypatch.setattr("service.usecases.access.sessions.SESSION_LIFE", timedelta(days=9))
    monkeypatch.setattr("service.usecases.access.sessions.SESSION_IDLE", timedelta(days=9))
    assert client.get("/v1/keys", headers=headers).status_code == 401
    assert services.admin_sessions.find(secret) is None
    assert services.admin_sessions.open_with_key(key) is None


def test_what_a_key_cannot_be_is_refused(services: Services):
    create = services.keys.create
    with pytest.raises(InvalidInputError):
        create("a", "admin", actor="test", lists=["news-flash"])
    with pytest.raises(InvalidInputError):
        create("a", "export", actor="test", expires_at=utc_now())
    with pytest.raises(UnknownListError):
        create("a", "export", actor="test", lists=["nowhere"])
    assert services.keys.all() == []
