"""Links as mail programs, chats and people give them back: with something behind or in them."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.engine import URL

from service.app import create_app, services_of
from service.domain.subscription import LinkScope, SubscriptionRef
from service.store.tables.base import db
from service.store.tables.delivery import OutboxMessage
from service.store.tables.people import Subscription
from service.tokens import Tokens
from service.web.middleware.link_paths import MAX_LENGTH, LinkPaths
from tests.conftest import make_settings

BEHIND = (
    ".", ")", "%20", "%20see%20you.soon", "&utm_source=news&utm_medium=email", "%26utm=1", ",", ">",
    "%3E", ";", "%22", '"', "'", "%0A", "%0D%0A", "\u2019", "%E2%80%8B", "/", "/.", "//", "]", "*",
    "_", "-", "...", "!", "%00", "=", "=3D", "%3D%0D%0A", "%3C/a%3E", "&gt;", ")%20(or%20later)",
    "%09", "?utm_source=x", "#x", "%253E", "%2520", "|", "%C2%A0", ".%20Best,%20Ada",
)  # fmt: skip
BEFORE = ("/", "//", "%20", "%3C", "<", "(", "%22", "=3D", "%E2%80%8B", ":", "%0A")
BREAKS = ("%0A", "%0D%0A", "%0D%0A%20", "=%0D%0A", "=%0A", "%3D%0A", "%20", "=", "%E2%80%8B",
          "%C2%AD", "%0A%3E%20", "%250A")  # fmt: skip


@pytest.fixture
def database_url(sqlite_url: URL) -> URL:
    """Paths do not depend on the database: one kind is enough."""
    return sqlite_url


@pytest.fixture
def tokens(app: Flask, client: FlaskClient, settings) -> dict[str, str]:
    """A token of each kind for one person, by the beginning of its path."""
    answer = client.post("/subscribe/news-flash", data={"email": "ada@example.org"})
    with app.app_context():
        message = db.session.execute(select(OutboxMessage)).scalar_one()
        held = db.session.execute(select(Subscription)).scalar_one()
    scope = LinkScope(message.subscriber_id, (SubscriptionRef(held.mailing_list_id, held.epoch),))
    made = Tokens.from_keys(settings.secret_keys)
    return {
        "/confirm/": made.confirm.issue(scope, at=message.created_at),
        "/unsubscribe/": made.unsubscribe.issue(scope, at=message.created_at),
        "/receipt/": made.receipt.issue(scope, at=message.created_at),
        "/status/": answer.location.removeprefix("/status/"),
    }


def _status(app: Flask) -> str:
    with app.app_context():
        return db.session.execute(select(Subscription.status)).scalar_one()


def _set_status(app: Flask, status: str) -> None:
    with app.app_context():
        ended = {"ended_at": None, "ended_reason": None, "confirmed_at": None}
        db.session.execute(update(Subscription).values(status=status, **ended))
        db.session.commit()


def _broken(token: str, at: int, what: str) -> str:
    return token[:at] + what + token[at:]


def test_what_stands_behind_a_token_does_not_matter(client, tokens):
    assert tokens
    for start, token in tokens.items():
        for behind in BEHIND:
            assert client.get(f"{start}{token}{behind}").status_code == 200, (start, behind)
            assert client.head(f"{start}{token}{behind}").status_code == 200, (start, behind)


@pytest.mark.parametrize(
    ("start", "form"),
    [
        ("/confirm/", {}),
        ("/unsubscribe/", {"List-Unsubscribe": "One-Click"}),
        ("/unsubscribe/", {}),
    ],
)
def test_a_post_acts_whatever_stands_behind_its_token(app, client, tokens, start, form):
    for behind in BEHIND:
        _set_status(app, "pending")
        assert client.post(f"{start}{tokens[start]}{behind}", data=form).status_code == 200, behind
        wanted = "confirmed" if start == "/confirm/" else "unsubscribed"
        assert _status(app) == wanted, behind


def test_what_stands_before_a_token_does_not_matter(app, client, tokens):
    for before in BEFORE:
        _set_status(app, "pending")
        for start, token in tokens.items():
            assert client.get(f"{start}{before}{token}").status_code == 200, (start, before)
        answer = client.post(
            f"/unsubscribe/{before}{tokens['/unsubscribe/']}",
            data={"List-Unsubscribe": "One-Click"},
        )
        assert (answer.status_code, answer.text) == (200, "You are unsubscribed"), before


def test_a_token_that_was_wrapped_is_put_together(app, client, tokens):
    for wrap in BREAKS:
        _set_status(app, "pending")
        for start, token in tokens.items():
            dot = token.index(".")
            for at in (5, dot, dot + 1, len(token) - 4):
                path = start + _broken(token, at, wrap)
                assert client.get(path).status_code == 200, path
                assert client.get(f"{path}.%20Bye").status_code == 200, path
        wrapped = _broken(tokens["/unsubscribe/"], 40, wrap)
        assert client.post(f"/unsubscribe/{wrapped}").status_code == 200


def test_a_dot_that_quoted_printable_wrote_is_read(client, tokens):
    assert tokens
    for start, token in tokens.items():
        assert client.get(start + token.replace(".", "=2E")).status_code == 200
        assert client.get(start + token.replace(".", "%2E")).status_code == 200
        assert client.get(start + token.replace(".", "%252E")).status_code == 200


def test_letter_case_and_slashes_of_the_path_do_not_matter(client, tokens):
    for change in (str.upper, str.title, "/%2f{}".format, "/%2f%2F{}/".format):
        for start, token in tokens.items():
            assert client.get(change(start) + token).status_code == 200, start
        for path in ("/subscribe/news-flash", "/embed/news-flash.js"):
            assert client.get(change(path)).status_code == 200, path
    form = {"data": {"email": "ben@example.org"}}
    assert client.post("/%2fsubscribe//news-flash", **form).status_code == 303


def test_a_lists_own_page_may_have_something_behind_it(client):
    for behind in (".", ")", "%20", ",", "&utm_source=x", "/", "%3E", "%0A", "-", "?x=y"):
        assert client.get(f"/subscribe/news-flash{behind}").status_code == 200, behind
        assert client.get(f"/embed/news-flash.js{behind}").status_code == 200, behind
    for behind in ("x", "2", "/x", ".js", "/subscribe"):
        assert client.get(f"/subscribe/news-flash{behind}").status_code == 404, behind


def test_a_signature_is_checked_as_ever(app, client, tokens):
    for start, token in tokens.items():
        payload, _, signature = token.partition(".")
        other = "B" if signature[-2] == "A" else "A"
        forged = [
            token[:-1],
            f"{token}A",
            f"{token}0.",
            f"{token}{token}",
            f"x{token}",
            f"x/{token}",
            f"{payload}.{signature[:-2]}{other}{signature[-1]}",
            f"{payload[:-1]}.{signature}",
            f"{payload}..{signature}",
            f"{payload} {signature}",
            token.swapcase(),
            f"{payload}=3D.{signature}",
            "." + "A" * 43,
            "A" * 43,
        ]
        for each in forged:
            for method in ("GET", "POST"):
                answer = client.open(f"{start}{quote(each)}", method=method)
                assert answer.status_code in (404, 405), (start, each)
    assert _status(app) == "pending"


@pytest.mark.parametrize(
    "end", ["/not-me", "/undo", "/renew2", "/RENEW2", "/x.", "/a/b", "//delete"]
)
def test_another_act_behind_a_token_is_not_the_links_own(app, client, tokens, end):
    for start, token in tokens.items():
        assert client.post(f"{start}{token}{end}").status_code in (404, 405)
        assert client.get(f"{start}{token}{end}").status_code == 404
    assert _status(app) == "pending"


def test_an_act_of_its_own_behind_a_token_stays_it(app, client, settings, tokens):
    with app.app_context():
        message = db.session.execute(select(OutboxMessage)).scalar_one()
        held = db.session.execute(select(Subscription)).scalar_one()
    scope = LinkScope(message.subscriber_id, (SubscriptionRef(held.mailing_list_id, held.epoch),))
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    expired = Tokens.from_keys(settings.secret_keys).confirm.issue(scope, at=long_ago)
    for end in ("/renew", "//renew", "/RENEW", "/renew.", "/renew/", "/renew%20", "/renew&x=y"):
        answer = client.post(f"/confirm/{expired}{end}")
        assert answer.status_code == 303, end
        assert answer.location.startswith("/status/")


def test_the_page_of_a_mangled_link_has_the_plain_one_in_its_form(client, tokens):
    token = tokens["/confirm/"]
    page = client.get(f"/CONFIRM//{token}&utm_source=x")
    assert re.findall(r'action="([^"]+)"', page.text) == [f"/confirm/{token}"]
    assert page.headers["Cache-Control"] == "no-store"


def test_paths_that_need_no_help_are_as_they_were(app):
    clean = LinkPaths(rule.rule for rule in app.url_map.iter_rules())
    for path in (
        "/",
        "/v1/lists",
        "/admin/lists/News",
        "/static/a.b",
        "/unsubscribe/undo",
        "/x y",
        "",
    ):
        assert clean(path) == path
    for rule in app.url_map.iter_rules():
        path = re.sub("<[^>]*>", "news-flash", rule.rule)
        assert clean(path) == path


def test_a_path_longer_than_any_link_is_not_searched_for_one(client, tokens):
    assert tokens
    for start, token in tokens.items():
        fits, too_long = ("." * (MAX_LENGTH - len(start + token) + more) for more in (0, 1))
        assert client.get(f"{start}{token}{fits}").status_code == 200
        assert client.get(f"{start}{token}{too_long}").status_code == 404


Make = Callable[..., FlaskClient]


@pytest.fixture
def make(database_url: URL, tmp_path) -> Iterator[Make]:
    apps: list[Flask] = []

    def build(**changes: object) -> FlaskClient:
        apps.append(create_app(make_settings(database_url, tmp_path, **changes)))
        return apps[-1].test_client()

    yield build
    for app in apps:
        services_of(app).close()


@pytest.mark.parametrize(
    "path",
    ["/subscribe", "/confirm", "/unsubscribe", "/status", "/embed", "/v1", "/admin", "/static",
     "/subscribe/news-flash", "/v1/lists", "/news"],
)  # fmt: skip
def test_public_url_may_have_the_path_of_a_route(make: Make, path: str):
    client = make(public_url=f"http://127.0.0.1:8000{path}")
    for start in ("", path):
        _walk(client, path, start)


def _walk(client: FlaskClient, path: str, start: str) -> None:
    """Use the service below its path; `start` is what of it a proxy hands on."""

    def at(link: str) -> str:
        return f"{start}{link.removeprefix(path)}"

    assert client.get(f"{start}/").status_code == 200
    answer = client.post(f"{start}/subscribe/news-flash", data={"email": "ada@example.org"})
    assert answer.status_code == 303
    assert answer.location.startswith(f"{path}/status/")
    page = client.get(at(answer.location))
    assert page.status_code == 200
    for asset in set(re.findall(r'(?:src|href)="([^"]*/static/[^"]+)"', page.text)):
        with client.get(at(asset)) as found:
            assert found.status_code == 200, asset
    api = client.post(f"{start}/v1/subscriptions", json={"email": "ben@example.org"})
    assert api.status_code == 202
    assert client.get(f"{start}/v1/lists").status_code == 401
    assert client.get(f"{start}/admin").status_code == 303
    assert client.get(f"{start}/embed/news-flash.js").status_code == 200
    assert client.get(f"{start}/confirm/x.y").status_code == 404
    assert client.get(f"{start}/healthz").status_code == 200
