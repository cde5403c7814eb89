"""The admin pages of webhooks and consent texts, and correcting a person."""

import html
import re
from datetime import timedelta
from io import BytesIO
from uuid import UUID

import pytest
from markupsafe import escape
from sqlalchemy import insert, select

from service.clock import utc_now
from service.domain.files.exchange import FileFormat
from service.domain.webhooks.event import EventType
from service.store.tables.access import AuditEntry
from service.store.tables.base import db
from service.store.tables.webhooks import WebhookAttempt
from service.store.types import new_id
from tests.scenario import Scenario
from tests.web.console.steps import Admin, first

ADA = "ada@example.org"
NOTHING = "0197f000-0000-7000-8000-000000000000"


@pytest.fixture
def database_url(sqlite_url):
    """The pages do not depend on the database: one kind is enough."""
    return sqlite_url


@pytest.fixture
def admin(client, services):
    return Admin.sign_in(client, services)


@pytest.fixture
def scenario(services, engine):
    return Scenario.of(services, engine)


def actions(app):
    with app.app_context():
        query = select(AuditEntry.actor, AuditEntry.action).order_by(AuditEntry.id)
        return [action for actor, action in db.session.execute(query) if actor == "key:ada"]


def made(admin, **data):
    """Make a webhook and return its id and the page that shows its secret."""
    answer = admin.post("/admin/webhooks", url="https://example.org/h", **data)
    assert answer.status_code == 200, answer.text
    return first(r"/admin/webhooks/([0-9a-f-]{36})", answer.text), answer.text


def test_a_webhook_is_made_with_its_secret_shown_once(app, services, admin):
    webhook_id, page = made(admin, list="news-flash", events=["subscriber.erased"])
    secret = first(r'value="(whsec_[^"]+)"', page)
    for path in ("/admin/webhooks", f"/admin/webhooks/{webhook_id}"):
        assert secret not in admin.get(path)
        assert "https://example.org/h" in admin.get(path)
    view = services.webhooks.get(UUID(webhook_id))
    assert (view.list_slug, view.info.events) == ("news-flash", (EventType.ERASED,))
    assert actions(app) == ["session.opened", "webhook.created"]


def test_a_webhook_is_disabled_enabled_and_removed(services, admin):
    webhook_id, _ = made(admin)
    path = f"/admin/webhooks/{webhook_id}"
    for what, is_enabled in (("disable", False), ("enable", True)):
        answer = admin.post(f"{path}/{what}")
        assert (answer.status_code, answer.location) == (303, f"{path}?done={what}d")
        assert services.webhooks.get(UUID(webhook_id)).info.is_enabled is is_enabled
    assert "Disabled. Nothing is sent to it." in admin.get(f"{path}?done=disabled")
    assert admin.post(f"{path}/explode").status_code == 404
    assert admin.post(f"{path}/delete").location == "/admin/webhooks?done=deleted"
    assert services.webhooks.all() == []
    assert admin.client.get(path).status_code == 404
    assert admin.post(f"{path}/delete").status_code == 404


@pytest.mark.parametrize(
    ("field", "data"),
    [
        ("url", {"url": "http://example.org/"}),
        ("url", {"url": ""}),
        ("events", {"url": "https://example.org/", "events": "x"}),
    ],
)
def test_a_webhook_that_cannot_be_is_asked_for_again(services, admin, field, data):
    answer = admin.post("/admin/webhooks", **data)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert services.webhooks.all() == []


def test_calls_are_shown_newest_first_page_by_page(engine, admin):
    webhook_id, _ = made(admin)
    now = utc_now()
    rows = [
        {
            "id": new_id(),
            "webhook_id": UUID(webhook_id),
            "event_id": new_id(),
            "type": "subscriber.erased",
            "at": now - timedelta(minutes=60 - number),
            "status_code": 500 if number == 59 else 204,
            "error": "http_500" if number == 59 else None,
            "duration_ms": 1000 + number,
        }
        for number in range(60)
    ]
    with engine.begin() as connection:
        connection.execute(insert(WebhookAttempt), rows)
    page = admin.get(f"/admin/webhooks/{webhook_id}")
    assert page.count("&nbsp;ms") == 50
    assert "http 500" in page
    older = admin.get(html.unescape(first(r'href="([^"]+cursor=[^"]+)"', page)))
    assert older.count("&nbsp;ms") == 10
    assert "1,000" in older


def test_versions_show_their_words_and_who_agreed(scenario, admin):
    scenario.sign_up(ADA)
    scenario.confirm(ADA)
    answer = admin.post("/admin/lists/news-flash/consent-texts", text="Weekly <news>.\r\nOk?")
    assert answer.location == "/admin/lists/news-flash/consent-texts?done=2"
    for name in ("bob", "eve"):
        scenario.sign_up(f"{name}@example.org")
        scenario.confirm(f"{name}@example.org")
    scenario.leave("eve@example.org")
    file = BytesIO(
        b"email,status,consent_at,consent_source,consent_text_version\n"
        b"zoe@example.org,confirmed,2025-01-01T00:00:00Z,paper,2019-a\n"
    )
    scenario.services.import_(file, format=FileFormat.CSV, actor="test")
    page = admin.get("/admin/lists/news-flash/consent-texts")
    sections = page.split('aria-labelledby="version-')[1:]
    shown = [(first(r"<h2[^>]*>([^<]+?) *<", each), *map(int, _figures(each))) for each in sections]
    assert shown == [("Version 2", 2, 1), ("Version 1", 1, 1), ("Version 2019-a", 1, 1)]
    assert "Weekly &lt;news&gt;.\nOk?" in page
    assert ["shown now" in each for each in sections] == [True, False, False]


def _figures(section):
    return [part.split("</strong>")[0] for part in section.split("<strong>")[1:]]


@pytest.mark.parametrize(
    ("field", "data"),
    [
        ("text", {"text": " "}),
        ("text", {"text": "x" * 4001}),
        ("locale", {"text": "Yes.", "locale": "not one"}),
    ],
)
def test_a_text_that_cannot_be_is_asked_for_again(services, admin, field, data):
    answer = admin.post("/admin/lists/news-flash/consent-texts", **data)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert services.consent_texts.of_list("news-flash") == ()


def test_texts_of_no_list_are_not_there(admin):
    assert admin.client.get("/admin/lists/nowhere/consent-texts").status_code == 404
    assert admin.post("/admin/lists/nowhere/consent-texts", text="Yes.").status_code == 404


def test_a_person_is_corrected_and_only_what_changed_is_noted(app, scenario, admin):
    scenario.sign_up(ADA, name="Adda", attributes={"plan": "gold"})
    path = f"/admin/subscribers/{scenario.person(ADA).id}"
    locale = scenario.person(ADA).locale
    given = {"name": " Ada  L. ", "locale": locale, "attributes": '{"plan": "gold"}'}
    assert admin.post(path, **given).location == f"{path}?done=changed"
    assert (scenario.person(ADA).name, scenario.person(ADA).attributes) == (
        "Ada L.",
        {"plan": "gold"},
    )
    with app.app_context():
        detail = db.session.execute(
            select(AuditEntry.detail).where(AuditEntry.action == "subscriber.changed")
        ).scalars()
        assert list(detail) == [{"fields": ["name"]}]
    assert admin.post(path, **given).status_code == 303
    assert actions(app).count("subscriber.changed") == 1
    assert admin.post(path, name="", locale="de", attributes="").status_code == 303
    person = scenario.person(ADA)
    assert (person.name, person.locale, person.attributes) == (None, "de", None)
    assert admin.post(f"/admin/subscribers/{NOTHING}", name="x").status_code == 404


def test_attributes_are_shown_as_they_were_written(scenario, admin):
    scenario.sign_up(ADA, attributes={"city": {"name": "K\u00f6ln", "sign": "<b>"}})
    page = admin.get(f"/admin/subscribers/{scenario.person(ADA).id}")
    assert str(escape('{"name": "K\u00f6ln", "sign": "<b>"}')) in page


def test_several_wrong_fields_open_at_the_first(admin):
    page = admin.post("/admin/lists/news-flash/consent-texts", text="", locale="not one").text
    assert re.findall(r'id="(\w+)"[^>]* autofocus>', page) == ["locale"]
    assert page.count('aria-invalid="true"') == 2
    assert 'role="alert">Please correct 2 fields' in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 1000),
        ("locale", "not a locale"),
        ("attributes", "{"),
        ("attributes", "[1]"),
        ("attributes", '{"a": NaN}'),
        ("attributes", '{"a": 1e999}'),
        ("attributes", '{"a": %s}' % ("[" * 400 + "]" * 400)),
        ("attributes", '{"a": "%s"}' % ("x" * 20_000)),
    ],
)
def test_a_correction_that_cannot_be_is_asked_for_again(scenario, admin, field, value):
    scenario.sign_up(ADA, name="Ada")
    path = f"/admin/subscribers/{scenario.person(ADA).id}"
    answer = admin.post(path, **{"name": "Eve", field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert re.findall(r'id="(\w+)"[^>]* autofocus>', answer.text) == [field]
    assert 'role="alert">Please correct one field below.' in answer.text
    assert field == "name" or 'value="Eve"' in answer.text
    assert scenario.person(ADA).name == "Ada"
