"""Every page is clean for axe-core in light and dark, fits a narrow phone, and obeys its policy."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.steps import links, mailed, new_address, open_mail, sign_up

VIEWS = [
    pytest.param({"width": 360, "height": 740}, "light", id="narrow-light"),
    pytest.param({"width": 1280, "height": 900}, "dark", id="wide-dark"),
]


def _pages(page: Page, service: str) -> Iterator[str]:
    """Bring up one page after another, and name it."""
    page.goto(service)
    yield "home"
    page.goto(f"{service}/subscribe/news-flash")
    page.locator("summary").click()
    yield "form"
    sign_up(page, service, "reader@")
    yield "form with an error"
    address = new_address()
    sign_up(page, service, address)
    yield "status"
    page.get_by_label("Or enter the 6-digit code").fill("12")
    page.get_by_role("button", name="Confirm").click()
    yield "status with an error"
    page.goto(f"{service}/mailbox")
    yield "mailbox"
    open_mail(page, service, address)
    yield "mail as HTML"
    mail = links(page)
    yield "mail as text"
    page.get_by_role("link", name="Headers").click()
    yield "headers"
    page.route("**/confirm.js*", lambda route: route.abort())
    page.goto(mail["confirm"])
    yield "confirm"
    page.get_by_role("button", name="Yes, subscribe me").click()
    yield "confirmed"
    page.goto(mail["unsubscribe"])
    yield "unsubscribe"
    page.get_by_role("button", name="Unsubscribe").click()
    yield "unsubscribed"
    page.get_by_label("Another reason").check()
    page.get_by_role("button", name="Send").click()
    yield "thanks"
    page.goto(mail["confirm"])
    yield "ended"
    page.goto(f"{service}/confirm/nonsense")
    yield "error"


@pytest.mark.parametrize(("viewport", "scheme"), VIEWS)
def test_every_page_is_accessible_and_fits(new_context, service, viewport, scheme):
    page = new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce").new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    axe = Axe()
    for name in _pages(page, service):
        results = axe.run(page)
        assert results.violations_count == 0, f"{name}: {results.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], name
        assert page.locator("html").get_attribute("lang") == "en", name
        small = page.evaluate(
            "[...document.querySelectorAll('button, .button, input:is([type=email], [type=text])')]"
            ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 44).length"
        )
        assert small == 0, name
    refused = [text for text in told if "Content Security Policy" in text]
    assert refused == []


def test_the_embedded_form_is_accessible(page, service, other_site):
    address, folder = other_site
    (folder / "index.html").write_text(
        "<!doctype html><html lang=en><head><title>Site</title></head><body><main><h1>Site</h1>"
        f'<script src="{service}/embed/news-flash.js"></script></main></body></html>'
    )
    page.goto(address)
    page.get_by_label("Email address").fill("reader@")
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_text("This isn't an email address").wait_for()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_a_links_page_is_neither_kept_nor_found_nor_told_of(page, service):
    mail = mailed(page, service)
    for url in (mail["confirm"], mail["unsubscribe"], f"{service}/confirm/forged"):
        response = page.request.get(url)
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in response.headers["x-robots-tag"]
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
        assert "set-cookie" not in response.headers
