"""Signing in by way of an identity provider on another site, in a real browser."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import free_port, running_service
from tests.oidc.issuer import ADA, CLIENT_ID, CLIENT_SECRET
from tests.oidc.peer import running_provider


@pytest.fixture(scope="module")
def oidc_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on 127.0.0.1, whose provider is on localhost: to a browser that is another site."""
    port = free_port()
    with (
        running_provider(f"http://127.0.0.1:{port}/admin/oidc/callback") as issuer,
        running_service(
            tmp_path_factory.mktemp("oidc"),
            port,
            PUBLIC_URL=f"http://127.0.0.1:{port}",
            OIDC_ISSUER=issuer,
            OIDC_CLIENT_ID=CLIENT_ID,
            OIDC_CLIENT_SECRET=CLIENT_SECRET,
            OIDC_ADMINS=ADA,
        ) as url,
    ):
        yield url


def sign_in(page: Page, account: str) -> None:
    page.get_by_role("link", name="Sign in with localhost").click()
    page.get_by_placeholder("Enter any login").fill(account)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_one_comes_in_to_the_page_asked_for_and_out_again(new_context, oidc_service):
    page = new_context(java_script_enabled=False).new_page()
    page.goto(f"{oidc_service}/admin/lists?x=1")
    sign_in(page, "ada")
    page.wait_for_url(f"{oidc_service}/admin/lists?x=1")
    page.goto(f"{oidc_service}/admin/audit")
    expect(page.get_by_role("cell", name=f"oidc:{ADA}", exact=True)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{oidc_service}/admin")
    expect(page).to_have_url(f"{oidc_service}/admin/sign-in?next=/admin")


def test_someone_else_is_told_that_they_may_not(page, oidc_service):
    page.goto(f"{oidc_service}/admin")
    sign_in(page, "eve")
    expect(page.get_by_role("heading", name="You have no access")).to_be_visible()
    expect(page.get_by_text("eve@example.org")).to_be_visible()
    assert Axe().run(page).violations_count == 0


def test_who_turns_back_at_the_provider_is_not_signed_in(page, oidc_service):
    page.goto(f"{oidc_service}/admin")
    page.get_by_role("link", name="Sign in with localhost").click()
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [(360, 740), (1280, 900)], ids=["narrow", "wide"])
def test_the_sign_in_page_is_accessible_and_fits(new_context, oidc_service, viewport, scheme):
    width, height = viewport
    page = new_context(viewport={"width": width, "height": height}, color_scheme=scheme).new_page()
    page.goto(f"{oidc_service}/admin/sign-in")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
