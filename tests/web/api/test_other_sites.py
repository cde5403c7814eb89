"""Forms and scripts of other sites: who may post, what they may read, and in which form."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from service.app import create_app, services_of
from service.config import Settings
from service.domain.subscription import LinkScope, SubscriptionRef
from service.services import Services
from service.store.tables.base import db
from service.store.tables.lists import MailingList
from service.tokens import Tokens

FORM = "/subscribe/news-flash"
SITE = "https://site.example"
ADA = {"email": "ada@example.org"}
AXIOS = "application/json, text/plain, */*"
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
JSON = "application/json"


@pytest.fixture
def database_url(sqlite_url: URL) -> URL:
    """Headers do not depend on the database: one kind is enough."""
    return sqlite_url


def allow(services: Services, *origins: str) -> None:
    services.lists.update("news-flash", {"origins": origins}, actor="test")


@pytest.mark.parametrize(
    ("accept", "more", "is_json"),
    [
        (AXIOS, {}, True),
        (JSON, {}, True),
        ("application/problem+json", {}, True),
        ("application/json;q=0.9, */*;q=0.1", {}, True),
        ("application/json, text/html;q=0.9", {}, True),
        ("application/*, */*", {}, True),
        ("text/html;q=0, */*", {}, True),
        ("APPLICATION/JSON; charset=utf-8, */*", {}, True),
        ("*/*", {"Sec-Fetch-Mode": "cors"}, True),
        (CHROME, {}, False),
        (FIREFOX, {"Sec-Fetch-Mode": "navigate"}, False),
        (CHROME, {"Sec-Fetch-Mode": "cors"}, False),
        ("text/html, application/json;q=0.9", {}, False),
        ("text/html, application/json", {}, False),
        ("application/json;q=0, */*", {}, False),
        ("text/*, */*;q=0.5", {}, False),
        ("*/*", {}, False),
        ("*/*", {"Sec-Fetch-Mode": "navigate"}, False),
        ("", {}, False),
    ],
)
def test_who_asks_for_json_gets_it_and_a_browser_its_page(client, accept, more, is_json):
    headers = {"Accept": accept, "Origin": SITE, **more}
    taken = client.post(FORM, data=ADA, headers=headers)
    assert taken.status_code == (202 if is_json else 303)
    wrong = client.post(FORM, data={"email": "ada@"}, headers=headers)
    assert wrong.status_code == 422
    assert wrong.mimetype == ("application/problem+json" if is_json else "text/html")
    assert {"Accept", "Origin"} <= set(wrong.vary.as_set(preserve_casing=True))
    for answer in (taken, wrong):
        assert answer.headers["Access-Control-Allow-Origin"] == SITE
    missing = client.get("/nothing", headers={"Accept": accept, **more})
    wants_problem = is_json or not accept
    assert missing.mimetype == ("application/problem+json" if wants_problem else "text/html")
    assert "Accept" in missing.vary.as_set(preserve_casing=True)


def _problem(answer, status: int) -> dict[str, object]:
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert {"Origin", "Accept"} <= set(answer.vary.as_set(preserve_casing=True))
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json


@pytest.mark.parametrize("accept", [AXIOS, JSON])
def test_every_error_can_be_read_by_the_site_that_posted(client, services, accept, monkeypatch):
    allow(services, SITE)
    given = {"Accept": accept, "Origin": SITE}
    _problem(client.post(FORM, data={"email": "a" * 20_000}, headers=given), 413)
    _problem(client.post(FORM, json=ADA, headers=given), 415)
    _problem(client.post("/subscribe/no-such", data=ADA, headers=given), 404)
    _problem(client.post("/subscribe/", data=ADA, headers=given), 404)
    _problem(client.put(FORM, data=ADA, headers=given), 405)
    _problem(client.delete(FORM, headers=given), 405)
    assert _problem(client.post(FORM, data={"email": ""}, headers=given), 422)["errors"]
    _problem(client.post(FORM, data={"email": "a\0"}, headers=given), 422)

    def fail(*_args: object, **_kwargs: object) -> None:
        raise OperationalError("", None, Exception("gone"))

    monkeypatch.setattr(services.lists, "get", fail)
    answer = client.post(FORM, data=ADA, headers=given)
    _problem(answer, 503)
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


@pytest.fixture
def limited(settings: Settings) -> Iterator[FlaskClient]:
    app: Flask = create_app(
        replace(settings, ratelimit_enabled=True, ratelimit_client=((1, 3600),))
    )
    yield app.test_client()
    services_of(app).close()


def test_a_site_reads_that_there_were_too_many_requests(limited: FlaskClient):
    given = {"Accept": AXIOS, "Origin": SITE}
    assert limited.post(FORM, data=ADA, headers=given).status_code == 202
    answer = limited.post(FORM, data=ADA, headers=given)
    _problem(answer, 429)
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ("https://site.example:443", SITE),
        ("https://Site.Example/", SITE),
        ("HTTPS://SITE.EXAMPLE", SITE),
        (SITE, "https://site.example:443"),
        (SITE, "HTTPS://Site.example"),
        ("http://site.example:80", "http://site.example"),
        ("https://käse.example", "https://xn--kse-qla.example"),
        ("https://KÄSE.example:443/", "https://xn--kse-qla.example"),
        ("https://site.example:8443/", "https://site.example:8443"),
    ],
)
def test_an_origin_fits_however_it_is_spelled(client, services, stored, sent):
    allow(services, stored)
    assert client.post(FORM, data=ADA, headers={"Origin": sent, "Accept": JSON}).status_code == 202
    policy = client.get(FORM).headers["Content-Security-Policy"]
    assert policy.isascii()
    assert ":443" not in policy


def test_an_origin_that_was_kept_before_spellings_were_one_fits(client, app, services):
    with app.app_context():
        db.session.execute(update(MailingList).values(origins=["https://site.example:443"]))
        db.session.commit()
    services.lists._snapshot = None
    answer = client.post(FORM, data=ADA, headers={"Origin": SITE, "Accept": JSON})
    assert answer.status_code == 202


@pytest.mark.parametrize(
    "origin", ["http://site.example", "https://site.example:444", "https://evil.example", "x" * 99]
)
def test_another_site_is_refused_and_told_what_to_allow(client, services, origin):
    allow(services, SITE)
    answer = client.post(FORM, data=ADA, headers={"Origin": origin, "Accept": JSON})
    assert answer.status_code == 403
    assert answer.json["type"] == "urn:newsflash:problem:site-not-allowed"
    assert answer.json["detail"] == f"Add {origin} to the allowed websites of the list news-flash."
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    page = client.post(FORM, data=ADA, headers={"Origin": origin, "Accept": CHROME})
    assert (page.status_code, page.mimetype) == (403, "text/html")


def test_an_allowed_site_may_add_headers_to_its_post(client, services):
    allow(services, SITE)
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-requested-with",
    }
    answer = client.options(FORM, headers={"Origin": SITE, **asked})
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    assert answer.headers["Access-Control-Allow-Headers"] == "x-requested-with"
    other = client.options(FORM, headers={"Origin": "https://evil.example", **asked})
    assert "Access-Control-Allow-Methods" not in other.headers
    assert "Access-Control-Allow-Headers" not in other.headers


def test_the_hosted_form_leads_to_the_lists_own_page_by_a_page(client, services):
    target = f"{SITE}/thanks?a=1&b=2"
    services.lists.update("news-flash", {"redirect_url": target}, actor="test")
    for origin in ("http://localhost", "http://127.0.0.1:8000"):
        answer = client.post(FORM, data=ADA, headers={"Origin": origin, "Accept": CHROME})
        assert answer.status_code == 200
        shown = target.replace("&", "&amp;")
        assert f'<meta http-equiv="refresh" content="0; url={shown}">' in answer.text
        assert f'href="{shown}"' in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
    for origin in (SITE, "https://other.example", "null"):
        answer = client.post(FORM, data=ADA, headers={"Origin": origin, "Accept": CHROME})
        assert (answer.status_code, answer.location) == (303, target)


def test_the_embed_can_be_fetched_as_a_module(client):
    answer = client.get("/embed/news-flash.js", headers={"Origin": SITE})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_a_program_is_told_of_an_old_link_as_a_problem(client, settings):
    scope = LinkScope(UUID(int=7), (SubscriptionRef(UUID(int=8), 1),))
    tokens = Tokens.from_keys(settings.secret_keys)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    for method in ("GET", "POST"):
        link = f"/confirm/{tokens.confirm.issue(scope, at=long_ago)}"
        answer = client.open(link, method=method, headers={"Accept": AXIOS})
        assert (answer.status_code, answer.mimetype) == (410, "application/problem+json")
        assert answer.json["type"] == "urn:newsflash:problem:expired-link"
        page = client.open(link, method=method, headers={"Accept": CHROME})
        assert (page.status_code, page.mimetype) == (410, "text/html")
