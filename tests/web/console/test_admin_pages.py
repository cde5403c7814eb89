"""What the admin pages do through the use cases, beneath what a browser shows."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from service.clock import utc_now
from service.domain.delivery.breaker import BreakerState
from service.domain.delivery.retry import SendOutcome
from service.store.delivery import activity, sender_pauses
from service.store.tables.access import AuditEntry
from service.store.tables.base import db
from service.store.tables.delivery import OutboxMessage
from service.store.types import new_id
from service.usecases.operations.metrics import Metrics
from tests.web.console.steps import Admin


@pytest.fixture
def database_url(sqlite_url):
    """The pages do not depend on the database: one kind is enough."""
    return sqlite_url


@pytest.fixture
def admin(client, services):
    return Admin.sign_in(client, services)


def audited(app):
    """Return who did what, without the signing in."""
    with app.app_context():
        entries = db.session.execute(select(AuditEntry).order_by(AuditEntry.id)).scalars()
        return [
            (each.actor, each.action, each.target)
            for each in entries
            if each.actor != "test" and each.action != "session.opened"
        ]


def test_the_overview_tells_of_signups_and_of_owed_mail(client, admin):
    client.post("/subscribe/news-flash", data={"email": "reader@example.org"})
    page = admin.get("/admin?days=90")
    assert "1 signups, 0 confirmations, 0 unsubscribed, 0 bounces" in page
    assert "<dt>Waiting</dt><dd>1</dd>" in page
    assert page.count("<g><title>") == 90
    assert admin.get("/admin?days=7").count("<g><title>") == 30


def test_the_overview_names_a_refused_sender_and_the_last_error(app, services, admin, engine):
    now = utc_now()
    shown = Metrics(engine, mail_urls=("postmark://t@default",))
    object.__setattr__(services, "metrics", shown)
    with app.app_context(), db.engine.begin() as connection:
        for at in (now, now - timedelta(days=1)):
            sender_pauses.refuse(
                connection,
                "postmark",
                f"news{at.day}@example.org",
                error="postmark_400",
                began_at=at,
                now=at,
            )
        activity.record(
            connection,
            "postmark",
            {SendOutcome.MISCONFIGURED: 200},
            BreakerState.CLOSED,
            None,
            error="postmark_400",
            now=now,
        )
    page = admin.get("/admin")
    assert f"postmark refuses the sender news{now.day}@example.org (postmark_400)" in page
    assert page.count("refuses the sender") == 1
    assert "<code>postmark_400</code>" in page


def test_a_list_is_made_and_changed_under_the_keys_name(app, services, admin):
    made = admin.post(
        "/admin/new-list",
        name=" Product  updates ",
        slug="product",
        origins="https://a.example\nhttps://B.example, https://c.example/",
        locale="de",
        sender="",
        is_default="1",
    )
    assert (made.status_code, made.location) == (303, "/admin/lists/product?done=created")
    info = services.lists.get("product")
    assert (info.name, info.locale, info.sender, info.is_default) == (
        "Product updates",
        "de",
        None,
        True,
    )
    assert info.origins == ("https://a.example", "https://b.example", "https://c.example")

    changed = admin.post("/admin/lists/product", name="Products", locale="de")
    assert changed.status_code == 303
    info = services.lists.get("product")
    assert (info.name, info.origins, info.is_default) == ("Products", (), True)
    page = admin.get("/admin/lists/product")
    assert "/embed/product.js&#34; async" in page or '/embed/product.js" async' in page
    assert audited(app) == [
        ("key:ada", "list.created", "product"),
        ("key:ada", "list.changed", "product"),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("slug", "Not a slug"),
        ("slug", "news-flash"),
        ("sender", "nobody"),
        ("sender", "Name <n@example.org"),
        ("privacy_url", "javascript:alert(1)"),
        ("redirect_url", "example"),
        ("origins", "https://a.example/path"),
    ],
)
def test_a_wrong_field_is_explained_and_what_was_typed_is_kept(services, admin, field, value):
    given = {"name": "Typed name", "slug": "typed", "locale": "en", field: value}
    answer = admin.post("/admin/new-list", **given)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in page
    assert "Typed name" in page or field == "name"
    assert [info.slug for info in services.lists.all()] == ["news-flash"]
    if field != "slug":
        answer = admin.post("/admin/lists/news-flash", **given)
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.get_data(as_text=True)


def test_what_is_shown_is_escaped(services, admin):
    services.lists.update("news-flash", {"name": "<b>&\"'"}, actor="test")
    for path in ("/admin", "/admin/lists", "/admin/lists/news-flash"):
        assert "<b>" not in admin.get(path)


def test_a_key_is_shown_once_and_can_be_taken_back(app, services, admin):
    page = admin.post("/admin/keys", name="site", role="signup").get_data(as_text=True)
    key = page.partition('readonly value="')[2].partition('"')[0]
    assert services.keys.authenticate(key).name == "site"
    assert key not in admin.get("/admin/keys")
    assert admin.post("/admin/keys", name="site", role="signup").status_code == 422
    assert admin.post("/admin/keys", name="x", role="owner").status_code == 422
    assert admin.post("/admin/keys/revoke", name="site").status_code == 303
    assert services.keys.authenticate(key) is None
    assert admin.post("/admin/keys/revoke", name="nobody").status_code == 404
    assert audited(app) == [
        ("key:ada", "key.created", "site"),
        ("key:ada", "key.revoked", "site"),
    ]


def test_a_key_is_for_some_lists_until_a_day(services, admin):
    given = {"name": "site", "role": "signup", "lists": ["news-flash"]}
    for field, value in (
        ("expires_at", "tomorrow"),
        ("expires_at", "2020-01-01"),
        ("expires_at", "9999-12-31"),
        ("role", "admin"),
    ):
        answer = admin.post("/admin/keys", **{**given, field: value})
        assert answer.status_code == 422
        wrong = "lists" if field == "role" else field
        assert f'id="{wrong}-error"' in answer.get_data(as_text=True)
    assert admin.post("/admin/keys", **given, expires_at="2999-12-31").status_code == 200
    made = next(info for info in services.keys.all() if info.name == "site")
    assert made.expires_at == datetime(3000, 1, 1, tzinfo=UTC)
    page = admin.get("/admin/keys")
    assert "news-flash</td>" in page
    assert "until" in page


def test_an_expired_key_is_told_as_one(services, admin):
    services.keys.create(
        "old", "export", actor="test", expires_at=utc_now() + timedelta(milliseconds=1)
    )
    assert "expired</span>" in admin.get("/admin/keys")


def test_retention_tells_its_rules_and_runs(app, services, admin):
    page = admin.get("/admin/retention")
    rules = services.retention.show().rules
    assert f"{rules.unconfirmed_days} days" in page
    assert "Nothing yet." in page
    with app.app_context():
        db.session.add(
            AuditEntry(
                id=new_id(),
                at=utc_now(),
                actor="worker",
                action="retention.run",
                detail={"unconfirmed": 1234},
            )
        )
        db.session.commit()
    assert "1,234" in admin.get("/admin/retention")


def test_taking_back_ones_own_key_signs_out(client, admin):
    admin.post("/admin/keys/revoke", name="ada")
    assert client.get("/admin").status_code == 303


def kill_mails(app):
    with app.app_context():
        db.session.execute(update(OutboxMessage).values(status="failed", last_error="refused"))
        db.session.commit()
        return db.session.execute(select(OutboxMessage.id)).scalars().all()


def test_failed_email_is_shown_and_tried_again(app, client, admin):
    for name in ("ada", "bob", "eve"):
        client.post("/subscribe/news-flash", data={"email": f"{name}@example.org"})
    first, *_ = kill_mails(app)
    page = admin.get("/admin/mails")
    assert page.count("/retry") == 4
    assert "ada@example.org" not in page
    assert admin.post(f"/admin/mails/{first}/retry").location == "/admin/mails?queued=1"
    assert admin.post(f"/admin/mails/{first}/retry").status_code == 409
    assert admin.post("/admin/mails/retry").location == "/admin/mails?queued=2"
    assert "No failed emails." in admin.get("/admin/mails?queued=2")
    assert "2 emails are queued again" in admin.get("/admin/mails?queued=2")
    assert admin.get("/admin/mails?status=any").count(">confirm</td>") == 3
    assert [each[1] for each in audited(app)] == ["outbox.retried"] * 2


def test_a_state_that_is_none_shows_every_email(admin):
    assert 'aria-current="true">All<' in admin.get("/admin/mails?status=nonsense")


def test_what_is_gone_is_told_within_the_pages(client, admin):
    answer = client.get("/admin/lists/nothing")
    assert answer.status_code == 404
    assert "Overview" in answer.get_data(as_text=True)
