"""What caches may keep, over every route: nothing of anybody, and no page in the wrong language."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.engine import URL
from werkzeug.routing import Rule

from service.config import Settings
from service.domain.subscription import LinkScope, SubscriptionRef
from service.services import Services
from service.store.tables.base import db
from service.store.tables.delivery import OutboxMessage
from service.store.tables.people import Subscription
from service.tokens import Tokens
from tests.web.console.steps import ORIGIN, Admin

MAY_BE_KEPT = {
    "pages.home",
    "pages.embed",
    "contract.docs",
    "contract.openapi",
    "receipt_keys.public_keys",
    "static",
}
"""The same for everybody who speaks the same language, and good for some minutes."""

ID = "0197f000-0000-7000-8000-000000000000"
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def database_url(sqlite_url: URL) -> URL:
    return sqlite_url


@pytest.fixture
def values(app: Flask, client: FlaskClient, settings: Settings) -> dict[str, str]:
    """What stands in for the parts of a route, by endpoint and by name."""
    status = client.post("/subscribe/news-flash", data={"email": "ada@example.org"}).location
    with app.app_context():
        message = db.session.execute(select(OutboxMessage)).scalar_one()
        held = db.session.execute(select(Subscription)).scalar_one()
    scope = LinkScope(message.subscriber_id, (SubscriptionRef(held.mailing_list_id, held.epoch),))
    made = Tokens.from_keys(settings.secret_keys)
    confirm = made.confirm.issue(scope, at=message.created_at)
    leave = made.unsubscribe.issue(scope, at=message.created_at)
    return {
        "pages.confirm": confirm,
        "pages.act_on_confirm": confirm,
        "pages.renew": confirm,
        "pages.unsubscribe": leave,
        "pages.act_on_unsubscribe": leave,
        "pages.status": status.removeprefix("/status/"),
        "pages.enter_code": status.removeprefix("/status/"),
        "pages.receipt": made.receipt.issue(scope, at=message.created_at),
        "slug": "news-flash",
        "filename": "site.css",
        "subscriber_id": str(message.subscriber_id),
        "provider": "postmark",
    }


@dataclass(frozen=True)
class Visit:
    """Somebody who calls every route by every method, with parts that fit and that do not."""

    app: Flask
    client: FlaskClient
    values: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]

    def answers(self) -> Iterator[tuple[str, str, Any]]:
        for rule in self.app.url_map.iter_rules():
            methods = sorted((rule.methods or set()) - {"OPTIONS"})
            for method in methods if "sign_out" not in rule.endpoint else ():
                for fits in (True, False):
                    path = self._path(rule, fits=fits)
                    sent: dict[str, Any] = {"data": self.form}
                    if path.startswith("/v1/"):
                        sent = {"json": {}}
                    with self.client.open(
                        path,
                        method=method,
                        headers=self.headers,
                        **(sent if method not in ("GET", "HEAD") else {}),
                    ) as answer:
                        answer.get_data()
                        yield rule.endpoint, method, answer

    def _path(self, rule: Rule, *, fits: bool) -> str:
        path = rule.rule
        for part, name in re.findall(r"(<(?:uuid:|path:)?(\w+)>)", rule.rule):
            value = self.values.get(rule.endpoint) or self.values.get(name, ID)
            path = path.replace(part, value if fits else "nobody-has-this")
        return path


def wrong(visit: Visit) -> list[str]:
    """Say what is not as it should be."""
    said, count = [], 0
    for endpoint, method, answer in visit.answers():
        count += 1
        what = f"{method} {endpoint} {answer.status_code} {answer.mimetype}"
        kept = answer.headers.get("Cache-Control", "")
        vary = {each.strip() for each in answer.headers.get("Vary", "").split(",")}
        may_keep = endpoint in MAY_BE_KEPT and answer.status_code < 400
        if not may_keep and kept != "no-store":
            said.append(f"{what}: Cache-Control is {kept!r}")
        is_redirect = 300 <= answer.status_code < 400
        is_text = answer.mimetype in ("text/html", "text/javascript") and endpoint != "static"
        if is_text and not is_redirect and "mail" not in endpoint and "Accept-Language" not in vary:
            said.append(f"{what}: Vary is {vary}")
        is_error = answer.status_code in (404, 405) and "/v1/" not in answer.request.path
        if is_error and not endpoint.startswith(("admin.", "health.")) and "Accept" not in vary:
            said.append(f"{what}: Vary is {vary}")
    assert count > 100
    return said


def test_strangers_leave_nothing_in_caches(app: Flask, client: FlaskClient, values: dict[str, str]):
    form = {"email": "ada@example.org"}
    assert wrong(Visit(app, client, values, {"Accept": CHROME}, form)) == []


def test_programs_leave_nothing_in_caches(
    app: Flask, client: FlaskClient, services: Services, values: dict[str, str]
):
    key = services.keys.create("caches", "admin", actor="test")
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    assert wrong(Visit(app, client, values, headers, {"email": "ada@"})) == []


def test_administrators_leave_nothing_in_caches(
    app: Flask, client: FlaskClient, services: Services, values: dict[str, str]
):
    admin = Admin.sign_in(client, services)
    form = {"csrf_token": admin.token, "name": "N"}
    headers = {"Origin": ORIGIN, "Accept": CHROME}
    assert wrong(Visit(app, client, values, headers, form)) == []


def test_the_language_of_what_may_be_kept_is_told(app: Flask, client: FlaskClient):
    app.extensions["newsflash_locales"] = ("en", "de", "fr")
    for path in ("/", "/docs", "/embed/news-flash.js", "/subscribe/news-flash", "/nothing"):
        answer = client.get(path, headers={"Accept-Language": "fr", "Accept": CHROME})
        assert "Accept-Language" in answer.headers["Vary"], path
