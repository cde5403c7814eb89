"""Who comes in by way of an identity provider, and what of its answers is not believed."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from service.app import create_app
from service.store.tables.access import AdminSession, AuditEntry
from service.store.tables.base import db
from service.usecases.access.oidc_sign_in import ATTEMPT_LIFE
from tests.conftest import make_settings
from tests.oidc.issuer import ADA, CLIENT_ID, CLIENT_SECRET, Issuer, rsa_key
from tests.web.console.steps import ORIGIN, csrf_token

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def begin(client: FlaskClient, **query: str) -> str:
    """Begin a sign-in and return the address at the provider."""
    answer = client.get("/admin/oidc", query_string=query)
    assert answer.status_code == 303, answer.status_code
    return answer.location


def come_back(client: FlaskClient, params: dict[str, str]) -> TestResponse:
    return client.get("/admin/oidc/callback", query_string=params)


def sign_in(client: FlaskClient, issuer: Issuer, **query: str) -> TestResponse:
    return come_back(client, issuer.sign_in(begin(client, **query)))


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/admin").status_code == 200


def audit(app: Flask) -> list[AuditEntry]:
    with app.app_context():
        return list(db.session.execute(select(AuditEntry).order_by(AuditEntry.id)).scalars())


def leads_to(answer: TestResponse) -> str:
    found = re.search(r'content="0; url=([^"]+)"', answer.get_data(as_text=True))
    assert found
    return found[1].replace("&amp;", "&")


def refused(answer: TestResponse, status: int, client: FlaskClient) -> str:
    """Return the page, once it is sure that nobody was signed in."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert not any(
        cookie.startswith("newsflash-admin=") for cookie in answer.headers.getlist("Set-Cookie")
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert not is_signed_in(client)
    return answer.get_data(as_text=True)


def test_the_sign_in_page_names_the_provider_and_keeps_the_page_asked_for(client, issuer):
    page = client.get("/admin/sign-in?next=/admin/lists").get_data(as_text=True)
    assert f"Sign in with {issuer.netloc}" in page
    assert f'href="{ORIGIN}/admin/oidc?next=%2Fadmin%2Flists"' in page


def test_without_the_settings_there_is_neither_link_nor_route(sqlite_url, tmp_path):
    app = create_app(make_settings(sqlite_url, tmp_path))
    client = app.test_client()
    assert "oidc" not in client.get("/admin/sign-in").get_data(as_text=True)
    for path in ("/admin/oidc", "/admin/oidc/callback?code=x&state=y"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "Set-Cookie" not in answer.headers
    with app.app_context():
        db.engine.dispose()


def test_a_person_on_the_list_comes_in_under_their_own_name(app, client, issuer):
    answer = sign_in(client, issuer, next="/admin/lists")
    assert answer.status_code == 200
    assert leads_to(answer) == "/admin/lists"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    cookies = answer.headers.getlist("Set-Cookie")
    (session,) = [cookie for cookie in cookies if cookie.startswith("newsflash-admin=")]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(session.split("; "))
    assert is_signed_in(client)

    client.post(
        "/admin/keys",
        data={"csrf_token": csrf_token(client), "name": "ben", "role": "export"},
        headers={"Origin": ORIGIN},
    )
    entries = audit(app)
    assert [(each.actor, each.action) for each in entries[-2:]] == [
        (f"oidc:{ADA}", "session.opened"),
        (f"oidc:{ADA}", "key.created"),
    ]
    assert entries[-2].detail == {"subject": "ada-1"}


def test_the_request_carries_pkce_state_and_nonce_and_none_of_them_is_in_the_cookie(client, issuer):
    answer = client.get("/admin/oidc")
    asked = parse_qs(urlsplit(answer.location).query)
    assert asked["redirect_uri"] == [f"{ORIGIN}/admin/oidc/callback"]
    assert asked["scope"] == ["openid email"]
    assert asked["code_challenge_method"] == ["S256"]
    assert len({asked[name][0] for name in ("state", "nonce", "code_challenge")}) == 3
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"} <= set(cookie.split("; "))
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name][0]) == 43
        assert asked[name][0] not in cookie
    again = parse_qs(urlsplit(begin(client)).query)
    assert all(asked[name] != again[name] for name in ("state", "nonce", "code_challenge"))


def test_under_https_both_cookies_are_bound_to_the_host(sqlite_url, tmp_path, oidc, issuer):
    site = "https://news.example"
    app = create_app(make_settings(sqlite_url, tmp_path, public_url=site, oidc=oidc))
    client = app.test_client()
    first = client.get("/admin/oidc", base_url=site)
    back = client.get(
        "/admin/oidc/callback", query_string=issuer.sign_in(first.location), base_url=site
    )
    assert back.status_code == 200
    cookies = first.headers.getlist("Set-Cookie") + back.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        "__Host-newsflash-sign-in",
        "__Host-newsflash-admin",
    }
    assert all("Secure" in cookie.split("; ") for cookie in cookies)
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/admin",
        "//evil.example/admin",
        "/\\evil.example",
        "/subscribe/x",
        "/admin/" + "x" * 2000,
    ],
)
def test_it_leads_to_no_page_but_our_own(client, issuer, wanted):
    assert leads_to(sign_in(client, issuer, next=wanted)) == "/admin"


CLAIMS_REFUSED = {
    "another address": {"email": "eve@example.org"},
    "unverified": {"email_verified": False},
    "not said to be verified": {"email_verified": None},
    "verified in a word": {"email_verified": "true"},
    "no address": {"email": None},
    "a look-alike": {"email": "\u0430da@example.org"},
    "a list of addresses": {"email": [ADA]},
}


@pytest.mark.parametrize("claims", CLAIMS_REFUSED.values(), ids=CLAIMS_REFUSED)
def test_whoever_is_not_on_the_list_is_told_so_and_written_down(app, client, issuer, claims, capfd):
    issuer.claims |= {"sub": "someone-2", **claims}
    page = refused(sign_in(client, issuer), 403, client)
    assert "You have no access" in page
    entry = audit(app)[-1]
    assert entry.action == "session.refused"
    assert entry.detail is not None
    assert entry.detail["subject"] == "someone-2"
    assert entry.detail["reason"] in ("not_an_administrator", "address_not_verified")
    named = claims["email"] if claims.get("email") and isinstance(claims["email"], str) else None
    assert entry.actor == f"oidc:{named or 'someone-2'}"
    assert "@" not in "".join(capfd.readouterr())


def test_case_of_an_address_does_not_matter(client, issuer):
    issuer.claims["email"] = "Ada@Example.ORG"
    assert sign_in(client, issuer).status_code == 200


TOKENS_REFUSED: dict[str, Callable[[Issuer], object]] = {
    "signed by another": lambda issuer: setattr(issuer, "signs_with", rsa_key("other")),
    "by a key that is not published": lambda issuer: setattr(issuer, "published", []),
    "by a secret that we share": lambda issuer: setattr(
        issuer, "signs_with", CLIENT_SECRET.encode()
    ),
    "by the public key as a secret": lambda issuer: setattr(
        issuer, "signs_with", rsa_key("now").as_pem(private=False)
    ),
    "by nobody": lambda issuer: setattr(issuer, "signs_with", b""),
    "another audience": lambda issuer: issuer.claims.update(aud="other"),
    "another audience, by us": lambda issuer: issuer.claims.update(aud="other", azp=CLIENT_ID),
    "another issuer": lambda issuer: issuer.claims.update(iss="https://other.example"),
    "another nonce": lambda issuer: issuer.claims.update(nonce="n" * 43),
    "no nonce": lambda issuer: issuer.claims.update(nonce=None),
    "no subject": lambda issuer: issuer.claims.update(sub=None),
    "a subject that is no text": lambda issuer: issuer.claims.update(sub=7),
    "a subject with a line break": lambda issuer: issuer.claims.update(sub="a\nb"),
    "no end": lambda issuer: issuer.claims.update(exp=None),
    "issued in the future": lambda issuer: issuer.claims.update(iat=4_000_000_000),
    "another access token": lambda issuer: issuer.claims.update(at_hash="x" * 22),
    "no ID token": lambda issuer: setattr(issuer, "token_body", b'{"access_token": "x"}'),
    "no JSON": lambda issuer: setattr(issuer, "token_body", b"<html>"),
    "no object": lambda issuer: setattr(issuer, "token_body", b"[]"),
    "no token but a word": lambda issuer: setattr(issuer, "token_body", b'{"id_token": "x.y.z"}'),
}


@pytest.mark.parametrize("change", TOKENS_REFUSED.values(), ids=TOKENS_REFUSED)
def test_a_token_that_is_not_for_this_sign_in_opens_nothing(app, client, issuer, change, capfd):
    change(issuer)
    page = refused(sign_in(client, issuer), 502, client)
    assert "The identity provider sent an invalid answer" in page
    assert "session.opened" not in [each.action for each in audit(app)]
    told = "".join(capfd.readouterr())
    assert "answer not usable" in told
    for secret in ("code-", "an-access-token", ADA, CLIENT_SECRET):
        assert secret not in told


def test_a_token_that_is_over_opens_nothing_and_one_that_just_ended_does(client, issuer):
    """The clocks may be a minute apart."""
    now = int(datetime.now(UTC).timestamp())
    issuer.claims["exp"] = now - 30
    assert sign_in(client, issuer).status_code == 200
    client.delete_cookie("newsflash-admin")
    issuer.claims |= {"iat": now - 300, "exp": now - 120}
    assert "Please start the sign-in again" in refused(sign_in(client, issuer), 400, client)


def test_the_provider_may_change_its_key_at_any_time(client, issuer):
    assert sign_in(client, issuer).status_code == 200
    issuer.signs_with = rsa_key("next", called="now")
    issuer.published = [rsa_key("next", called="now")]
    assert sign_in(client, issuer).status_code == 200


def test_a_callback_is_good_once(app, client, issuer):
    address = begin(client)
    cookie = client.get_cookie("newsflash-sign-in")
    assert cookie is not None
    params = issuer.sign_in(address)
    assert come_back(client, params).status_code == 200
    assert client.get_cookie("newsflash-sign-in") is None
    other = app.test_client()
    refused(come_back(other, params), 400, other)  # whoever saw the address
    other.set_cookie("newsflash-sign-in", cookie.value)
    refused(come_back(other, params), 400, other)  # and the cookie as well


def test_an_answer_belongs_to_the_browser_that_began(app, client, issuer):
    """Nobody can sign another browser in as themselves."""
    other = app.test_client()
    params = issuer.sign_in(begin(other))
    refused(come_back(client, params), 400, client)
    begin(client)
    refused(come_back(client, params), 400, client)
    assert issuer.calls.count("/token") == 0


@pytest.mark.parametrize(
    "change",
    [{"state": "x" * 43}, {"state": "é"}, {"state": None}, {"code": None}, {"code": ""}],
    ids=str,
)
def test_a_broken_answer_is_not_taken_to_the_provider(client, issuer, change):
    params = {**issuer.sign_in(begin(client)), **change}
    refused(
        come_back(client, {name: value for name, value in params.items() if value is not None}),
        400,
        client,
    )
    assert issuer.calls.count("/token") == 0


def test_a_forged_cookie_begins_nothing(client, issuer):
    params = issuer.sign_in(begin(client))
    for value in ("", "x", "é", "a.b"):
        client.set_cookie("newsflash-sign-in", value)
        refused(come_back(client, params), 400, client)


def test_the_person_has_ten_minutes(client, issuer):
    with time_machine.travel(NOW, tick=False) as clock:
        params = issuer.sign_in(begin(client))
        clock.shift(ATTEMPT_LIFE + timedelta(seconds=1))
        refused(come_back(client, params), 400, client)


def test_an_answer_of_another_issuer_is_not_believed(client, issuer):
    params = issuer.sign_in(begin(client))
    refused(come_back(client, {**params, "iss": "https://evil.example"}), 502, client)
    assert issuer.calls.count("/token") == 0


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("access_denied", 403),
        ("temporarily_unavailable", 503),
        ("invalid_scope", 502),
        ("<script>alert(1)</script>", 502),
    ],
)
def test_an_error_of_the_provider_is_a_page(client, issuer, error, status):
    params = issuer.sign_in(begin(client))
    page = refused(come_back(client, {"state": params["state"], "error": error}), status, client)
    assert "<script" not in page


def test_a_provider_that_is_down_is_a_page_and_is_left_alone_for_a_moment(client, issuer):
    issuer.status["/.well-known/openid-configuration"] = 503
    for _ in range(3):
        answer = client.get("/admin/oidc")
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        assert "be reached" in answer.get_data(as_text=True)
    assert len(issuer.calls) == 1


def test_nothing_listening_is_a_page(sqlite_url, tmp_path, oidc, capfd):
    gone = replace(oidc, issuer="http://localhost:9")
    app = create_app(make_settings(sqlite_url, tmp_path, oidc=gone))
    answer = app.test_client().get("/admin/oidc")
    assert answer.status_code == 503
    assert "ConnectionError" in "".join(capfd.readouterr())
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    ("path", "code", "status"),
    [("/token", 503, 503), ("/jwks", 500, 503), ("/jwks", 404, 502), ("/token", 302, 502)],
)
def test_a_provider_that_fails_midway_is_a_page(client, issuer, path, code, status):
    params = issuer.sign_in(begin(client))
    issuer.status[path] = code
    refused(come_back(client, params), status, client)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://provider.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
        {"userinfo_endpoint": "http://provider.example/me"},
    ],
    ids=str,
)
def test_metadata_that_cannot_be_trusted_is_not_used(client, issuer, metadata):
    issuer.metadata = metadata
    assert client.get("/admin/oidc").status_code == 502


def test_what_the_id_token_lacks_is_asked_for(client, issuer):
    issuer.claims = {"sub": "ada-1"}
    issuer.userinfo = {"sub": "ada-1", "email": ADA, "email_verified": True}
    assert sign_in(client, issuer).status_code == 200


def test_userinfo_of_someone_else_is_not_believed(client, issuer):
    issuer.claims = {"sub": "eve-2"}
    issuer.userinfo = {"sub": "ada-1", "email": ADA, "email_verified": True}
    refused(sign_in(client, issuer), 502, client)


def test_one_address_is_not_verified_by_the_word_for_another(client, issuer):
    issuer.claims = {"sub": "eve-2", "email_verified": True}
    issuer.userinfo = {"sub": "eve-2", "email": ADA}
    refused(sign_in(client, issuer), 403, client)


def test_a_session_ends_with_the_settings_that_let_its_person_in(
    app, client, issuer, oidc, sqlite_url, tmp_path
):
    sign_in(client, issuer)
    cookie = client.get_cookie("newsflash-admin")
    assert cookie is not None
    for settings, is_in in (
        (replace(oidc, client_secret="changed"), True),
        (replace(oidc, admins=("ben@example.org",)), False),
        (replace(oidc, admin_group="admins"), False),
        (None, False),
    ):
        later = create_app(make_settings(sqlite_url, tmp_path, oidc=settings))
        its = later.test_client()
        its.set_cookie("newsflash-admin", cookie.value)
        assert is_signed_in(its) is is_in
        with later.app_context():
            db.engine.dispose()


def test_a_key_and_a_link_open_sessions_as_before(client, services):
    key = services.keys.create("ada", "admin", actor="test")
    answer = client.post("/admin/sign-in", data={"key": key}, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.location) == (303, "/admin")
    assert is_signed_in(client)


def test_the_session_row_names_the_account_and_no_token(app, client, issuer):
    sign_in(client, issuer)
    with app.app_context():
        row = db.session.execute(select(AdminSession.__table__)).mappings().one()
    assert (row["person"], row["api_key_id"]) == (ADA, None)
    assert "an-access-token" not in str(row)


def test_a_proxy_of_the_environment_is_not_asked(client, issuer, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://localhost:9")
    monkeypatch.setenv("http_proxy", "http://localhost:9")
    assert sign_in(client, issuer).status_code == 200


def test_nobody_has_us_call_the_provider_without_end(sqlite_url, tmp_path, oidc, issuer):
    app = create_app(
        make_settings(
            sqlite_url, tmp_path, oidc=oidc, ratelimit_enabled=True, ratelimit_client=((2, 60),)
        )
    )
    client = app.test_client()
    params = issuer.sign_in(begin(client))
    assert come_back(client, {**params, "code": "made-up"}).status_code == 400
    params = issuer.sign_in(begin(client))
    assert client.get("/admin/oidc").status_code == 429
    assert come_back(client, {**params, "code": "made-up"}).status_code == 400
    answer = come_back(client, params)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert issuer.calls.count("/token") == 2
    with app.app_context():
        db.engine.dispose()
