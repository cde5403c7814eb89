"""Pages that are rendered once and filled for each visitor: nobody sees an old or a foreign one."""

import re
from pathlib import Path

import pytest
from flask import Flask, render_template
from flask.testing import FlaskClient
from jinja2 import meta

from service.services import Services
from service.web.pages import links, once, status
from tests.scenario import Scenario

BEN = "ben@example.org"
TEMPLATE = "pages/links/unsubscribe.html"
TEMPLATES = Path(links.__file__).parents[1] / "templates"


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates that are rendered, in order."""
    found: list[str] = []

    def note(template: str, **values: object) -> str:
        found.append(template)
        return render_template(template, **values)

    monkeypatch.setattr(once, "render_template", note)
    return found


def test_a_page_is_rendered_once_and_names_each_visitors_own_token(
    scenario: Scenario, client: FlaskClient, rendered: list[str]
):
    scenario.sign_up()
    scenario.sign_up(BEN)
    for email in (None, BEN):
        token = scenario.confirm_link(email) if email else scenario.confirm_link()
        page = client.get(f"/confirm/{token}").text
        assert f'action="/confirm/{token}"' in page
        assert page.count(token) == 1
    assert rendered == ["pages/links/confirm.html"]


def test_each_answer_has_its_own_nonce(scenario: Scenario, client: FlaskClient):
    scenario.sign_up()
    path = f"/confirm/{scenario.confirm_link()}"
    nonces = set()
    for _ in range(3):
        answer = client.get(path)
        found = re.search(r'<script nonce="([^"]+)"', answer.text)
        assert found is not None
        assert f"script-src 'nonce-{found[1]}'" in answer.headers["Content-Security-Policy"]
        nonces.add(found[1])
    assert len(nonces) == 3


def test_a_page_without_scripts_allows_none(scenario: Scenario, client: FlaskClient):
    scenario.sign_up()
    path = f"/unsubscribe/{scenario.unsubscribe_link()}"
    for _ in range(2):
        assert "script-src" not in client.get(path).headers["Content-Security-Policy"]


def test_a_page_follows_its_list_at_once(
    scenario: Scenario, client: FlaskClient, services: Services
):
    scenario.sign_up()
    paths = [
        f"/confirm/{scenario.confirm_link()}",
        f"/unsubscribe/{scenario.unsubscribe_link()}",
    ]
    for name in ("Morning <Post>", "Evening Post"):
        services.lists.update("news-flash", {"name": name}, actor="test")
        for path in paths:
            page = client.get(path).text
            assert name.replace("<", "&lt;").replace(">", "&gt;") in page
            assert ("Morning" in page) == ("Morning" in name)


def test_the_confirm_page_follows_the_consent_text_at_once(
    scenario: Scenario, client: FlaskClient, services: Services
):
    scenario.sign_up()
    path = f"/confirm/{scenario.confirm_link()}"
    assert ':1"' in client.get(path).text
    for text in ("First words.", "Second words."):
        made = services.consent_texts.add("news-flash", locale=None, text=text, actor="test")
        page = client.get(path).text
        assert text in page
        assert f':{made.version}"' in page


def test_a_page_is_rendered_for_each_language(
    app: Flask, scenario: Scenario, client: FlaskClient, rendered: list[str]
):
    app.extensions["newsflash_locales"] = ("en", "de")
    scenario.sign_up()
    path = f"/unsubscribe/{scenario.unsubscribe_link()}"
    seen = [
        re.findall('<html lang="([^"]+)"', client.get(f"{path}?locale={locale}").text)
        for locale in ("en", "de", "en")
    ]
    assert seen == [["en"], ["de"], ["en"]]
    assert len(rendered) == 2


def test_a_status_page_with_a_wrong_code_is_nobody_elses(
    scenario: Scenario, client: FlaskClient, rendered: list[str]
):
    path = client.post("/subscribe/news-flash", data={"email": BEN}).location
    assert client.get(path).status_code == 200
    wrong = client.post(path, data={"code": "0000001"})
    assert (wrong.status_code, 'value="0000001"' in wrong.text) == (422, True)
    assert "0000001" not in client.get(path).text
    assert rendered == ["pages/signup/status.html"]


def test_who_may_not_see_the_mailbox_is_not_pointed_to_it(scenario: Scenario, client: FlaskClient):
    scenario.sign_up()
    path = f"/confirm/{scenario.confirm_link()}"
    for headers, is_shown in (({}, True), ({"X-Forwarded-For": "203.0.113.9"}, False), ({}, True)):
        page = client.post(path, headers=headers).text
        assert "You are subscribed" in page
        assert ('href="/mailbox"' in page) == is_shown


def test_what_needs_escaping_is_not_filled_in(app: Flask):
    with app.test_request_context("/"), pytest.raises(ValueError, match="token"):
        once.render_once(
            "pages/links/unsubscribe.html", locale="en", fill={"token": '"><b>'}, lists=()
        )


def test_the_cache_is_bounded(app: Flask):
    assert app.extensions["newsflash_pages"].cache_info().maxsize == once.KEPT_PAGES


def test_templates_that_are_rendered_once_do_not_look_at_the_request(app: Flask):
    source = (Path(links.__file__).read_text(), Path(status.__file__).read_text())
    names = {
        name
        for text in source
        for name in re.findall(r'"(pages/[a-z/_]+\.html)"', text)
        if name != "pages/signup/thanks.html"
    }
    assert len(names) >= 6
    for name in ("layout.html", "parts.html", "pages/signup/trial.html", *names):
        parsed = app.jinja_env.parse((TEMPLATES / name).read_text())
        looks_at = meta.find_undeclared_variables(parsed)
        assert not looks_at & {"request", "g", "session"}, name


def test_the_confirm_page_shows_the_text_in_the_lists_language(
    app: Flask, scenario: Scenario, client: FlaskClient, services: Services
):
    app.extensions["newsflash_locales"] = ("en", "de")
    scenario.sign_up()
    services.consent_texts.add("news-flash", locale="en", text="Words.", actor="test")
    services.consent_texts.add("news-flash", locale="de", text="Worte.", actor="test")
    services.lists.update("news-flash", {"locale": "de"}, actor="test")
    path = f"/confirm/{scenario.confirm_link()}"
    assert "Worte." in client.get(path, headers={"Accept-Language": "en"}).text
    assert "Words." in client.get(f"{path}?locale=en").text
