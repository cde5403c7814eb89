"""Who gets into the admin pages, for how long, and what other sites cannot do there."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from service.app import create_app, services_of
from service.store.tables.access import AdminSession, AuditEntry
from service.store.tables.base import db
from service.usecases.access.sessions import (
    LINK_LIFE,
    SESSION_IDLE,
    SESSION_LIFE,
    forget_ended_sessions,
)
from tests.conftest import make_settings
from tests.web.console.steps import ORIGIN, csrf_token

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def database_url(sqlite_url):
    """The rules of signing in do not depend on the database: one kind is enough."""
    return sqlite_url


@pytest.fixture
def key(services):
    return services.keys.create("ada", "admin", actor="test")


def sign_in(client, key, **data):
    return client.post("/admin/sign-in", data={"key": key, **data}, headers={"Origin": ORIGIN})


def is_signed_in(client):
    return client.get("/admin").status_code == 200


def test_a_key_opens_a_session_in_a_guarded_cookie(client, key):
    answer = sign_in(client, key)
    assert (answer.status_code, answer.location) == (303, "/admin")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("newsflash-admin=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert "Domain" not in cookie
    page = client.get("/admin")
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"


def test_under_https_the_cookie_is_secure_and_bound_to_the_host(sqlite_url, tmp_path):
    app = create_app(make_settings(sqlite_url, tmp_path, public_url="https://news.example"))
    key = services_of(app).keys.create("ada", "admin", actor="test")
    client = app.test_client()
    site = "https://news.example"
    answer = client.post(
        "/admin/sign-in", data={"key": key}, headers={"Origin": site}, base_url=site
    )
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-newsflash-admin=")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert client.get("/admin", base_url=site).status_code == 200
    with app.app_context():
        db.engine.dispose()


def test_only_a_live_key_of_an_administrator_opens_a_session(client, services, key):
    export = services.keys.create("export", "export", actor="test")
    revoked = services.keys.create("old", "admin", actor="test")
    services.keys.revoke("old", actor="test")
    for wrong in ("", "nf_", "nf_" + "a" * 43, key + "x", export, revoked):
        answer = sign_in(client, wrong)
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers
        assert wrong not in answer.get_data(as_text=True) or not wrong
    assert not is_signed_in(client)


def test_the_session_is_kept_as_a_hash_and_audited_without_it(app, client, key):
    secret = sign_in(client, key).headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    with app.app_context():
        row = db.session.execute(select(AdminSession.__table__)).one()
        entries = db.session.execute(select(AuditEntry)).scalars().all()
    assert secret not in str(row)
    assert [(each.actor, each.action) for each in entries][-1] == ("key:ada", "session.opened")


def sessions(engine):
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(AdminSession))


def test_sessions_that_are_over_are_removed(app, client, services, key):
    """The row goes too, although nobody signs in again."""
    with time_machine.travel(NOW, tick=False) as clock, app.app_context():
        sign_in(client, key)
        clock.shift(SESSION_IDLE - timedelta(seconds=1))
        forget_ended_sessions(db.engine)
        assert sessions(db.engine) == 1
        clock.shift(timedelta(seconds=1))
        forget_ended_sessions(db.engine)
        assert sessions(db.engine) == 0


def test_a_session_ends_with_its_key(client, services, key):
    sign_in(client, key)
    services.keys.revoke("ada", actor="test")
    assert client.get("/admin").location == "/admin/sign-in?next=/admin"


def test_a_session_ends_when_its_key_expires(client, services):
    with time_machine.travel(NOW, tick=False) as clock:
        end = NOW + timedelta(minutes=10)
        sign_in(client, services.keys.create("eve", "admin", actor="test", expires_at=end))
        assert is_signed_in(client)
        clock.shift(timedelta(minutes=10))
        assert not is_signed_in(client)


@pytest.mark.parametrize(
    ("step", "until"), [(SESSION_IDLE, SESSION_IDLE), (timedelta(minutes=50), SESSION_LIFE)]
)
def test_a_session_ends_when_idle_and_at_the_latest_after_its_life(client, key, step, until):
    with time_machine.travel(NOW, tick=False) as clock:
        sign_in(client, key)
        while utc_passed(clock, step) < until:
            assert is_signed_in(client)
        assert not is_signed_in(client)


def utc_passed(clock, step):
    clock.shift(step)
    return datetime.now(UTC) - NOW


def test_signing_in_gives_a_new_secret_and_ends_the_old_session(app, client, key):
    client.set_cookie("newsflash-admin", "a" * 43)
    first = sign_in(client, key).headers["Set-Cookie"].split(";")[0]
    second = sign_in(client, key).headers["Set-Cookie"].split(";")[0]
    assert len({first, second, "newsflash-admin=" + "a" * 43}) == 3
    client.set_cookie("newsflash-admin", first.partition("=")[2])
    assert not is_signed_in(client)


def test_signing_out_ends_the_session_for_whoever_has_the_cookie(client, key):
    cookie = sign_in(client, key).headers["Set-Cookie"].split(";")[0].partition("=")[2]
    answer = client.post(
        "/admin/sign-out", data={"csrf_token": csrf_token(client)}, headers={"Origin": ORIGIN}
    )
    assert (answer.status_code, answer.location) == (303, "/admin/sign-in")
    client.set_cookie("newsflash-admin", cookie)
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
    ],
)
def test_no_other_site_can_post_even_with_the_cookie_and_the_token(client, key, headers):
    sign_in(client, key)
    token = csrf_token(client)
    answer = client.post("/admin/sign-out", data={"csrf_token": token}, headers=headers)
    assert answer.status_code == 403
    assert client.post("/admin/sign-in", data={"key": key}, headers=headers).status_code == 403
    assert is_signed_in(client)


@pytest.mark.parametrize("token", [None, "", "0" * 64, "é"])
def test_a_post_without_the_sessions_own_token_does_nothing(client, key, token):
    sign_in(client, key)
    data = {} if token is None else {"csrf_token": token}
    answer = client.post("/admin/sign-out", data=data, headers={"Origin": ORIGIN})
    assert answer.status_code == 403
    assert is_signed_in(client)


def test_the_token_of_another_session_is_refused(app, client, key):
    other = app.test_client()
    sign_in(other, key)
    sign_in(client, key)
    answer = client.post(
        "/admin/sign-out", data={"csrf_token": csrf_token(other)}, headers={"Origin": ORIGIN}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/admin?days=90", "/admin?days=90"),
        ("/admin", "/admin"),
        ("/administer", "/admin"),
        ("https://evil.example/admin", "/admin"),
        ("//evil.example/admin", "/admin"),
        ("/\\evil.example", "/admin"),
        ("/admin\\..\\..", "/admin"),
        ("/subscribe/news-flash", "/admin"),
        ("/admin/\r\nSet-Cookie: a=b", "/admin"),
        ("/admin/\t/evil.example", "/admin"),
        ("/admin//evil.example", "/admin"),
        ("/admin/../subscribe/news-flash", "/admin"),
        ("/admin/..//evil.example", "/admin"),
        ("/admin/%2e%2e/subscribe/news-flash", "/admin"),
        ("/admin/.%2E//evil.example", "/admin"),
        ("/admin/subscribers?q=%2e%2e", "/admin/subscribers?q=%2e%2e"),
    ],
)
def test_signing_in_leads_to_the_page_that_was_asked_for_if_it_is_ours(
    client, key, wanted, leads_to
):
    assert sign_in(client, key, next=wanted).location == leads_to


def test_every_form_is_refused_without_its_token_or_from_elsewhere(app, client, key):
    """With the cookie of a live session, as a browser would send it along."""
    sign_in(client, key)
    good = {"csrf_token": csrf_token(client)}
    forged = [
        ({}, {"Origin": ORIGIN}),
        ({"csrf_token": "0" * 64}, {"Origin": ORIGIN}),
        (good, {}),
        (good, {"Origin": "null"}),
        (good, {"Origin": "https://evil.example"}),
        (good, {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}),
        (good, {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}),
    ]
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("admin.") and "POST" in rule.methods
    ]
    assert len(rules) > 20
    for rule in rules:
        value = "00000000-0000-7000-8000-000000000000" if "uuid" in rule.rule else "news-flash"
        with app.test_request_context():
            path = app.url_for(rule.endpoint, **dict.fromkeys(rule.arguments, value))
        # A sign-in has no session yet whose token it could carry: only where it comes from counts.
        has_token = rule.endpoint not in ("admin.act_on_sign_in", "admin.act_on_link")
        for data, headers in forged if has_token else forged[2:]:
            answer = client.post(path, data=data, headers=headers)
            assert answer.status_code == 403, (path, data, headers)
    assert client.get("/admin").status_code == 200


def test_every_page_leads_to_the_sign_in_and_every_form_is_refused_without_a_session(app, client):
    open_to_all = {
        "admin.sign_in",
        "admin.act_on_sign_in",
        "admin.sign_in_by_link",
        "admin.act_on_link",
        "admin.oidc_begin",
        "admin.oidc_callback",
    }
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("admin.") and rule.endpoint not in open_to_all
    ]
    assert rules
    for rule in rules:
        view = app.view_functions[rule.endpoint]
        assert [role.value for role in view.auth] == ["admin"], rule
        value = "00000000-0000-7000-8000-000000000000" if "uuid" in rule.rule else "news-flash"
        values = dict.fromkeys(rule.arguments, value)
        with app.test_request_context():
            path = app.url_for(rule.endpoint, **values)
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            answer = client.open(path, method=method, headers={"Origin": ORIGIN})
            assert answer.status_code == 303, (method, path)
            assert answer.location.startswith("/admin/sign-in"), (method, path)


def test_a_link_signs_one_browser_in_once(app, client, services):
    path = f"/admin/sign-in/{services.admin_sessions.make_link(actor='test')}"
    assert client.get(path).status_code == 200
    assert not is_signed_in(client)
    assert client.get(path).status_code == 200  # a GET, as of a preview, does not use it up
    answer = client.post(path, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.location) == (303, "/admin")
    assert is_signed_in(client)
    other = app.test_client()
    assert other.get(path).status_code == 410
    assert other.post(path, headers={"Origin": ORIGIN}).status_code == 410
    assert not is_signed_in(other)


def test_a_link_is_good_for_a_quarter_of_an_hour_and_only_if_it_is_ours(client, services):
    with time_machine.travel(NOW, tick=False) as clock:
        token = services.admin_sessions.make_link(actor="test")
        clock.shift(LINK_LIFE)
        for path in (
            f"/admin/sign-in/{token}",
            "/admin/sign-in/forged",
            f"/admin/sign-in/{token}x",
        ):
            assert client.get(path).status_code == 410
            assert client.post(path, headers={"Origin": ORIGIN}).status_code == 410
    assert not is_signed_in(client)


def test_visitors_get_no_cookie(client):
    for path in ("/", "/subscribe/news-flash", "/status/x", "/admin", "/admin/sign-in"):
        assert "Set-Cookie" not in client.get(path).headers


def test_revoking_all_links_ends_their_sessions_and_nobody_elses(app, client, services, key):
    sign_in(client, key)
    by_link = app.test_client()
    tokens = [services.admin_sessions.make_link(actor="test") for _ in range(2)]
    by_link.post(f"/admin/sign-in/{tokens[0]}", headers={"Origin": ORIGIN})
    assert is_signed_in(by_link)
    assert services.admin_sessions.end_links(actor="test") == (1, 1)
    assert not is_signed_in(by_link)
    assert by_link.get(f"/admin/sign-in/{tokens[1]}").status_code == 410
    assert is_signed_in(client)
    assert services.admin_sessions.end_links(actor="test") == (0, 0)


def test_all_sessions_are_ended_whatever_opened_them(app, client, services, key):
    sign_in(client, key)
    by_link = app.test_client()
    tokens = [services.admin_sessions.make_link(actor="test") for _ in range(2)]
    by_link.post(f"/admin/sign-in/{tokens[0]}", headers={"Origin": ORIGIN})
    assert is_signed_in(by_link)
    assert services.admin_sessions.end_all(actor="test") == (2, 1)
    assert not is_signed_in(client)
    assert not is_signed_in(by_link)
    assert by_link.get(f"/admin/sign-in/{tokens[1]}").status_code == 410
    assert sign_in(client, key).status_code == 303
