"""The confirm page in a browser that nobody sits at, and what counts as somebody."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.steps import mailed

BY_SCRIPT = {
    "scrolls": "document.body.style.height = '9000px'; scrollTo(0, 900); scrollBy(0, 400)",
    "focuses": "document.querySelector('button').focus(); window.focus()",
    "makes events": """
        const press = (make, names) => names.forEach((name) =>
            document.querySelector('button').dispatchEvent(new make(name, { bubbles: true })));
        press(PointerEvent, ['pointermove', 'pointerover', 'pointerdown', 'pointerup']);
        press(MouseEvent, ['mousemove', 'mousedown', 'mouseup', 'mouseover', 'click']);
        press(KeyboardEvent, ['keydown', 'keypress', 'keyup']);
        press(WheelEvent, ['wheel']);
        press(TouchEvent, ['touchstart', 'touchmove', 'touchend']);
        press(Event, ['scroll', 'focus', 'visibilitychange'])""",
    "clicks the button": "document.querySelector('button').click()",
    "asks the form to submit": "document.getElementById('confirm').requestSubmit()",
    "changes the layout": "document.body.insertAdjacentHTML('afterbegin', '<p>'.repeat(99))",
}
BY_HAND: dict[str, Callable[[Page], None]] = {
    "the mouse": lambda page: page.mouse.move(120, 90),
    "a press": lambda page: page.mouse.click(40, 40),
    "a finger": lambda page: page.touchscreen.tap(12, 12),
    "a key": lambda page: page.keyboard.press("Tab"),
    "the wheel": lambda page: page.mouse.wheel(0, 80),
    "the button": lambda page: page.get_by_role("button", name="Yes, subscribe me").click(),
    "Enter on the button": lambda page: page.get_by_role("button").press("Enter"),
}


@pytest.fixture(scope="module")
def confirm_link(browser, service) -> str:
    """One link for all tests: each sees what its page posts, and keeps it from the service."""
    context = browser.new_context()
    link = mailed(context.new_page(), service)["confirm"]
    context.close()
    return link


def _posts(page: Page) -> list[str]:
    """Answer what the page posts in place of the service, and return where each post went."""
    found: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method == "POST":
            found.append(route.request.url)
            route.fulfill(content_type="text/html", body="<h1>Posted</h1>")
        else:
            route.continue_()

    page.route("**/confirm/*", answer)
    return found


def _wait(page: Page) -> None:
    """Let a minute of the page's own time go by, and everything that is under way end."""
    page.clock.run_for(60_000)
    page.evaluate("fetch('/healthz').then((answer) => answer.text())")


@pytest.fixture
def open_page(new_context, confirm_link) -> tuple[Page, list[str]]:
    page = new_context(has_touch=True).new_page()
    page.clock.install()
    posts = _posts(page)
    page.goto(confirm_link)
    assert page.evaluate("document.visibilityState") == "visible"
    return page, posts


def test_an_open_visible_page_without_input_confirms_nothing(open_page):
    page, posts = open_page
    _wait(page)
    expect(page.get_by_role("heading", name="Confirm your subscription")).to_be_visible()
    assert posts == []


@pytest.mark.parametrize("act", BY_SCRIPT)
def test_a_script_that_acts_like_a_person_confirms_nothing(open_page, act):
    page, posts = open_page
    page.evaluate(BY_SCRIPT[act])
    _wait(page)
    expect(page.get_by_role("heading", name="Confirm your subscription")).to_be_visible()
    assert posts == []


def test_a_mouse_that_moved_on_the_page_before_and_rests_confirms_nothing(
    new_context, service, confirm_link
):
    page = new_context().new_page()
    page.goto(f"{service}/")
    page.mouse.move(100, 100)
    page.clock.install()
    posts = _posts(page)
    page.goto(confirm_link)
    _wait(page)
    assert posts == []


@pytest.mark.parametrize("act", BY_HAND)
def test_input_that_the_browser_vouches_for_confirms(open_page, act):
    page, posts = open_page
    BY_HAND[act](page)
    expect(page.get_by_role("heading", name="Posted")).to_be_visible()
    assert len(posts) == 1


def test_input_in_a_page_that_is_not_seen_confirms_nothing(new_context, confirm_link):
    page = new_context().new_page()
    page.add_init_script(
        "Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' })"
    )
    posts = _posts(page)
    page.goto(confirm_link)
    page.keyboard.press("Tab")
    page.mouse.move(50, 50)
    expect(page.get_by_role("heading", name="Confirm your subscription")).to_be_visible()
    assert posts == []
