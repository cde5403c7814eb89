"""The step before a signup of medium risk: nothing to solve, and no script needed."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy.engine import URL
from werkzeug.serving import make_server

from service.app import create_app, services_of
from service.config import Settings
from service.usecases.signup import extra_step

SENT_BY_SCRIPT = """
addEventListener("load", () => {
  if (!document.querySelector("form #email")) return;
  document.getElementById("email").value = "reader@mailinator.com";
  document.querySelector("form").submit();
});
"""


@pytest.fixture
def database_url(sqlite_url: URL) -> URL:
    return sqlite_url


@pytest.fixture
def guarded(settings: Settings) -> Iterator[str]:
    """A service whose limits and score are on."""
    app = create_app(replace(settings, ratelimit_enabled=True))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    services_of(app).close()


def _sign_up(page, address):
    page.goto(f"{address}/subscribe/news-flash")
    page.get_by_label("Email address").fill("reader@mailinator.com")
    page.get_by_role("button", name="Subscribe").click()


def test_the_page_goes_on_by_itself_once_the_browser_has_done_the_work(page, guarded, monkeypatch):
    monkeypatch.setattr(extra_step, "WAIT", timedelta(hours=1))
    _sign_up(page, guarded)
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()


def test_a_form_that_a_script_sent_waits_for_a_person(page, guarded, monkeypatch):
    monkeypatch.setattr(extra_step, "WAIT", timedelta(hours=1))
    page.add_init_script(SENT_BY_SCRIPT)
    page.goto(f"{guarded}/subscribe/news-flash")
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    page.wait_for_function("document.getElementById('step').elements.proof.value !== ''")
    page.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true}))")
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    page.mouse.move(200, 200)
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()


def test_without_javascript_the_button_goes_on_after_the_wait(new_context, guarded, monkeypatch):
    page = new_context(java_script_enabled=False).new_page()
    _sign_up(page, guarded)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    expect(page.get_by_text("Wait 5 seconds, then press Continue.")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    monkeypatch.setattr(extra_step, "WAIT", timedelta())
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()


def test_the_step_is_accessible(page, guarded, monkeypatch):
    page.route("**/proof.js*", lambda route: route.abort())
    _sign_up(page, guarded)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found] == []
