"""What the pages answer to forms, links and mail programs, beneath what a browser shows."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import select, update

from service.app import create_app, services_of
from service.clock import utc_now
from service.domain.subscription import LinkScope, SubscriptionRef
from service.mail.mailbox import Mailbox
from service.store.tables.base import db
from service.store.tables.delivery import OutboxMessage
from service.store.tables.people import Subscription
from service.tokens import Tokens

FORM = "/subscribe/news-flash"
SITE = "https://site.example"


@pytest.fixture
def database_url(sqlite_url):
    """The pages' own rules do not depend on the database: one kind is enough."""
    return sqlite_url


@pytest.fixture
def mail(app, client, settings):
    """The confirm and unsubscribe paths of a fresh signup."""
    client.post(FORM, data={"email": "reader@example.org"})
    with app.app_context():
        message = db.session.execute(select(OutboxMessage)).scalar_one()
        refs = tuple(SubscriptionRef(ref.mailing_list_id, ref.epoch) for ref in _cycles())
        scope = LinkScope(message.subscriber_id, refs)
    tokens = Tokens.from_keys(settings.secret_keys)
    return {
        "confirm": f"/confirm/{tokens.confirm.issue(scope, at=message.created_at)}",
        "unsubscribe": f"/unsubscribe/{tokens.unsubscribe.issue(scope, at=message.created_at)}",
        "expired": f"/confirm/{tokens.confirm.issue(scope, at=datetime(2020, 1, 1, tzinfo=UTC))}",
    }


def _cycles():
    return db.session.execute(select(Subscription)).scalars().all()


def _statuses(app):
    with app.app_context():
        return [(each.status, each.ended_reason) for each in _cycles()]


def _change_list(app, **changes):
    services_of(app).lists.update("news-flash", changes, actor="test")


def test_a_form_post_leads_to_the_status_page(app, client):
    response = client.post(FORM, data={"email": "reader@example.org"})
    assert response.status_code == 303
    assert response.location.startswith("/status/")
    assert _statuses(app) == [("pending", None)]
    assert "Set-Cookie" not in response.headers


def test_a_form_post_leads_to_the_lists_own_page_and_the_policy_lets_it(app, client):
    _change_list(app, redirect_url=f"{SITE}/thanks?x=1")
    response = client.post(FORM, data={"email": "reader@example.org"})
    assert (response.status_code, response.location) == (303, f"{SITE}/thanks?x=1")
    assert f"form-action 'self' {SITE};" in client.get(FORM).headers["Content-Security-Policy"]


def test_a_filled_trap_is_answered_alike_and_nothing_is_kept(app, client):
    person = client.post(FORM, data={"email": "reader@example.org"})
    bot = client.post(FORM, data={"email": "bot@example.org", "website": "http://spam.example"})
    assert bot.status_code == person.status_code
    assert len(bot.location) == len(person.location)
    assert client.get(bot.location).data.count(b"<h1>Check your inbox</h1>") == 1
    assert len(_statuses(app)) == 1


@pytest.mark.parametrize("email", ["", "reader", "reader@", "a" * 300 + "@example.org", "<b>@x"])
def test_a_wrong_address_is_shown_again_with_its_error(app, client, email):
    response = client.post(FORM, data={"email": email, "name": '"><script>'})
    assert response.status_code == 422
    assert 'aria-describedby="email-error"' in response.text
    assert "<script>" not in response.text
    assert "<b>@x" not in response.text
    assert _statuses(app) == []


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 303),
        ("null", 303),
        (SITE, 303),
        ("HTTPS://SITE.example", 303),
        ("http://localhost", 303),
        ("http://127.0.0.1:8000", 303),
        ("https://other.example", 403),
        ("https://site.example.evil.example", 403),
    ],
)
def test_only_the_lists_own_sites_may_post(app, client, origin, status):
    _change_list(app, origins=[SITE])
    headers = {} if origin is None else {"Origin": origin}
    response = client.post(FORM, data={"email": "reader@example.org"}, headers=headers)
    assert response.status_code == status


def test_only_the_lists_own_sites_may_frame_the_form(app, client):
    assert "frame-ancestors *" in client.get(FORM).headers["Content-Security-Policy"]
    _change_list(app, origins=[SITE])
    for path in (FORM, client.post(FORM, data={"email": "reader@example.org"}).location):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert SITE in policy
        assert "frame-ancestors *" not in policy


@pytest.mark.parametrize(
    ("lists", "frames"),
    [
        (["news-flash"], f"'self' {SITE}"),
        (["news-flash", "news-flash"], f"'self' {SITE}"),
        (["other"], "'self' https://other.example"),
        (["open"], "*"),
        (["news-flash", "other"], "'none'"),
        (None, "'none'"),
    ],
)
@pytest.mark.parametrize("trap", ["", "http://spam.example"])
def test_only_the_signups_own_list_says_who_may_frame_its_status_page(
    app, client, lists, frames, trap
):
    """No other list's sites are named there, whatever became of the signup."""
    _change_list(app, origins=[SITE])
    make = services_of(app).lists.create
    make(slug="other", name="Other", origins=["https://other.example"], actor="test")
    make(slug="open", name="Open", actor="test")
    body = {"email": "reader@example.org", "website": trap} | ({"lists": lists} if lists else {})
    page = urlsplit(client.post("/v1/subscriptions", json=body).json["status_url"]).path
    for answer in (client.get(page), client.post(page, data={"code": "1"})):
        [rule] = re.findall(r"frame-ancestors ([^;]*)", answer.headers["Content-Security-Policy"])
        assert rule == frames


def test_a_page_of_one_list_leads_back_to_its_own_form(app, client):
    services_of(app).lists.create(slug="other", name="Other", actor="test")
    page = client.post("/subscribe/other", data={"email": "reader@example.org"}).location
    assert 'href="/subscribe/other"' in client.get(page).text


def test_the_embedded_form_is_answered_in_json_that_its_page_may_read(client):
    headers = {"Origin": SITE, "Accept": "application/json"}
    taken = client.post(FORM, data={"email": "reader@example.org"}, headers=headers)
    assert taken.status_code == 202
    assert taken.json["status_url"].startswith("http://127.0.0.1:8000/status/")
    refused = client.post(FORM, data={"email": "reader"}, headers=headers)
    assert refused.status_code == 422
    for response in (taken, refused):
        assert response.headers["Access-Control-Allow-Origin"] == SITE
        assert "Origin" in response.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in response.headers


def test_what_is_no_small_form_is_refused(client):
    assert client.post(FORM, json={"email": "reader@example.org"}).status_code == 415
    assert client.post(FORM, data=b"x", content_type="text/plain").status_code == 415
    large = {"email": "reader@example.org", "name": "x" * 20_000}
    assert client.post(FORM, data=large).status_code == 413
    assert client.post("/subscribe/unknown", data={"email": "a@example.org"}).status_code == 404
    assert client.get("/embed/unknown.js").status_code == 404


def test_looking_at_a_link_changes_nothing(app, client, mail):
    for _ in range(3):
        assert client.get(mail["confirm"]).status_code == 200
        assert client.head(mail["confirm"]).status_code == 200
        assert client.get(mail["unsubscribe"]).status_code == 200
        assert client.head(mail["unsubscribe"]).status_code == 200
    assert _statuses(app) == [("pending", None)]


def test_confirming_twice_is_the_same(app, client, mail):
    with time_machine.travel(utc_now(), tick=False):  # the receipt's link carries the second
        first, second = client.post(mail["confirm"]), client.post(mail["confirm"])
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.data == second.data
    assert _statuses(app) == [("confirmed", None)]


def test_what_trackers_and_mail_programs_add_to_an_address_is_passed_over(app, client, mail):
    added = "?utm_source=mail&fbclid=x"
    status = client.post(f"{FORM}{added}", data={"email": "bob@example.org"}).location
    for path in (FORM, "/embed/news-flash.js", status, mail["confirm"], mail["unsubscribe"]):
        assert client.get(f"{path}{added}").status_code == 200, path
    for path in (mail["confirm"], mail["unsubscribe"]):
        assert client.post(f"{path}{added}").status_code == 200, path
    signup = {"email": "eve@example.org"}
    assert client.post(f"/v1/subscriptions{added}", json=signup).status_code == 202


def test_an_expired_link_offers_a_new_one(client, mail):
    page = client.get(mail["expired"], headers={"Accept": "text/html"})
    assert page.status_code == 410
    assert f'action="{mail["expired"]}/renew"' in page.text
    assert client.post(mail["expired"]).status_code == 410
    renewed = client.post(f"{mail['expired']}/renew")
    assert renewed.status_code == 303
    assert client.get(renewed.location).status_code == 200


def test_a_confirm_link_of_an_ended_subscription_offers_to_sign_up_again(client, mail):
    client.post(mail["confirm"])
    client.post(mail["unsubscribe"])
    for response in (client.get(mail["confirm"]), client.post(mail["confirm"])):
        assert response.status_code == 410
        assert f'href="{FORM}"' in response.text


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize("origin", [None, "null", "https://mail.example"])
def test_one_click_leaves_without_cookie_or_redirect(app, client, mail, kind, origin):
    client.post(mail["confirm"])
    for _ in range(2):
        response = client.post(
            mail["unsubscribe"],
            data={"List-Unsubscribe": "One-Click"},
            content_type=kind,
            headers={"Origin": origin} if origin else {},
        )
        assert response.status_code == 200
        assert "Set-Cookie" not in response.headers
        assert _statuses(app) == [("unsubscribed", "one_click")]


def test_a_persons_button_leaves_as_well(app, client, mail):
    client.post(mail["confirm"])
    assert client.post(mail["unsubscribe"]).status_code == 200
    assert _statuses(app) == [("unsubscribed", "unsubscribed")]


@pytest.mark.parametrize("path", ["/confirm/x.y", "/unsubscribe/x.y", "/status/x.y", "/confirm/ä"])
def test_a_forged_link_is_a_page_not_found(client, path):
    browser = {"Accept": "text/html,*/*;q=0.8"}
    for method in ("GET", "POST"):
        response = client.open(path, method=method, data={"code": "1"}, headers=browser)
        assert response.status_code == 404
        assert response.mimetype == "text/html"
        assert response.headers["Cache-Control"] == "no-store"
    assert client.post("/unsubscribe/undo", data={"token": "x"}).status_code == 404
    assert (
        client.post("/unsubscribe/reason", data={"token": "x", "reason": "other"}).status_code
        == 404
    )


@pytest.mark.parametrize("page", ["confirm", "unsubscribe", "status"])
@pytest.mark.parametrize("payload", [b"\1", b"\1" * 17, b"\1" * 40, b"\2" * 33, b""])
def test_a_link_of_another_version_is_a_page_not_found(client, settings, page, payload):
    token = getattr(Tokens.from_keys(settings.secret_keys), page)._sign(payload)
    for method in ("GET", "POST"):
        answer = client.open(f"/{page}/{token}", method=method, data={"code": "123456"})
        assert answer.status_code == 404


def test_no_answer_to_a_link_is_kept_by_a_cache_whatever_is_wrong(client, mail):
    page = client.post(FORM, data={"email": "other@example.org"}).location
    for method, path in (
        ("GET", mail["confirm"]),
        ("POST", mail["confirm"]),
        ("PUT", mail["confirm"]),
        ("GET", f"{mail['confirm']}/renew"),
        ("GET", f"{mail['confirm']}x"),
        ("GET", mail["expired"]),
        ("GET", page),
        ("POST", page),
        ("DELETE", page),
        ("POST", mail["unsubscribe"]),
    ):
        headers = client.open(path, method=method).headers
        assert headers["Cache-Control"] == "no-store", (method, path)
        assert headers["Referrer-Policy"] == "no-referrer", (method, path)


def test_a_wrong_code_is_told_at_its_field(client):
    status = client.post(FORM, data={"email": "reader@example.org"}).location
    response = client.post(status, data={"code": "abc"})
    assert response.status_code == 422
    assert 'aria-describedby="code-error"' in response.text


def test_pages_promise_https_only_where_it_is(settings):
    secure = create_app(replace(settings, public_url="https://news.example"))
    assert "Strict-Transport-Security" in secure.test_client().get("/").headers
    with secure.app_context():
        db.engine.dispose()
    plain = create_app(settings)
    assert "Strict-Transport-Security" not in plain.test_client().get("/").headers
    with plain.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    ("changes", "host", "status"),
    [
        ({}, "localhost", 200),
        ({}, "127.0.0.1:8000", 200),
        ({}, "[::1]:8000", 200),
        ({"allowed_hosts": ("news.example",)}, "news.example", 404),
        ({"allowed_hosts": ("127.0.0.1.news.example",)}, "127.0.0.1.news.example", 404),
        ({}, "localhost.news.example", 400),
        ({"bind_host": "0.0.0.0"}, "localhost", 404),  # noqa: S104 - that is what is refused
        ({"public_url": "https://news.example"}, "localhost", 404),
        ({"trusted_proxies": 1}, "localhost", 404),
    ],
)
def test_the_mailbox_answers_this_computer_only(settings, changes, host, status):
    app = create_app(replace(settings, **changes))
    client = app.test_client()
    assert client.get("/mailbox", headers={"Host": host}).status_code == status
    mail = client.get(f"/mailbox/{uuid4()}", headers={"Host": host})
    assert mail.status_code == (404 if status == 200 else status)
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    "header",
    [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Server",
        "Via",
        "X-Real-IP",
        "CF-Connecting-IP",
        "CF-Ray",
        "True-Client-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "Fastly-Client-IP",
        "Fly-Client-IP",
        "X-Envoy-External-Address",
        "X-Original-Host",
        "X-Remote-Addr",
        "CDN-Loop",
        "X-Amzn-Trace-Id",
    ],
)
def test_the_mailbox_answers_no_request_that_came_through_a_proxy(client, header):
    assert client.get("/mailbox", headers={header: "10.0.0.1"}).status_code == 404
    assert "mailbox" not in client.get("/", headers={header: "10.0.0.1"}).text
    assert client.get("/metrics", headers={header: "10.0.0.1"}).status_code == 401


def test_the_mailbox_answers_a_browser_on_this_computer(client):
    headers = {
        "User-Agent": "Mozilla/5.0",
        "Accept": "text/html",
        "Accept-Language": "en",
        "Origin": "http://localhost",
        "Referer": "http://localhost/",
        "Sec-Fetch-Site": "same-origin",
        "Sec-CH-UA-Platform": "Linux",
        "Upgrade-Insecure-Requests": "1",
        "X-Requested-With": "fetch",
        "Priority": "u=1",
    }
    assert client.get("/mailbox", headers=headers).status_code == 200


def test_the_mailbox_answers_no_other_computer(client):
    caller = {"REMOTE_ADDR": "192.0.2.1"}
    assert client.get("/mailbox", environ_overrides=caller).status_code == 404


def test_a_damaged_email_is_named_beside_the_others(client, settings):
    box = Mailbox(settings.data_dir / "mailbox")
    well, bad, folder = uuid4(), uuid4(), uuid4()
    for message_id in (well, bad, folder):
        box.add(message_id, b"Subject: Fine\nTo: ann@example.org\n\nHello\n", at=utc_now())
    new = settings.data_dir / "mailbox" / "new"
    (new / bad.hex).write_bytes(b'Content-Type: text/plain; charset="no-such"\n\n\xff\xff')
    (new / folder.hex).unlink()
    (new / folder.hex).mkdir()
    page = client.get("/mailbox")
    assert page.status_code == 200
    assert "Fine" in page.text
    for each in (bad, folder):
        assert str(new / each.hex) in page.text
        shown = client.get(f"/mailbox/{each}")
        assert shown.status_code == 200
        assert "This email can't be read" in shown.text
        assert str(new / each.hex) in shown.text
        assert client.get(f"/mailbox/{each}/html").status_code == 404
    assert client.get(f"/mailbox/{well}").status_code == 200


def test_there_is_no_mailbox_with_a_real_mail_api(settings):
    app = create_app(replace(settings, mail_urls=("postmark://token@default",)))
    assert app.test_client().get("/mailbox").status_code == 404
    assert "mailbox" not in app.test_client().get("/").text
    with app.app_context():
        db.engine.dispose()


def _age_message(app, **values):
    with app.app_context():
        db.session.execute(update(OutboxMessage).values(**values))
        db.session.commit()


def test_the_status_page_tells_of_a_bounce_and_leads_back_to_the_form(app, client):
    status = client.post(FORM, data={"email": "reader@example.org"}).location
    _age_message(app, status="failed")
    page = client.get(status).text
    assert "<h1>The email did not arrive</h1>" in page
    assert f'href="{FORM}"' in page
    assert "http-equiv" not in page


def test_the_status_page_looks_again_by_itself_while_the_mail_is_late(app, client):
    status = client.post(FORM, data={"email": "reader@example.org"}).location
    _age_message(app, created_at=datetime.now(UTC) - timedelta(hours=1))
    assert "<h1>The email is taking longer than usual</h1>" in client.get(status).text
    assert '<noscript><meta http-equiv="refresh"' in client.get(status).text
    assert "http-equiv" not in client.get(f"{status}?code=1").text


def test_the_language_is_one_that_there_is(client):
    for path in (f"{FORM}?locale=xx", f"{FORM}?locale=en-GB", f"{FORM}?locale=%00", "/"):
        page = client.get(path, headers={"Accept-Language": "tlh, fr;q=0.5"}).text
        assert '<html lang="en" dir="ltr">' in page


def test_the_language_is_asked_for_then_the_lists_then_the_browsers(app, client):
    app.extensions["newsflash_locales"] = ("en", "de", "fr", "pt_BR")

    def language(query: str = "") -> str:
        page = client.get(FORM + query, headers={"Accept-Language": "fr"}).text
        return page.partition('lang="')[2].partition('"')[0]

    assert language() == "en"
    _change_list(app, locale="de-AT")
    assert language() == "de"
    assert language("?locale=pt-BR") == "pt-BR"
    _change_list(app, locale="tlh")
    assert language() == "fr"


def test_the_form_is_not_kept_by_the_browser_and_its_post_has_an_origin(client):
    headers = client.get(FORM).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/subscribe/news-flash/", "/docs/", "/healthz/"])
def test_a_slash_at_the_end_changes_nothing(client, path):
    assert client.get(path).status_code == 200
    assert client.get(path.rstrip("/")).status_code == 200
