"""The form on somebody else's site."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.steps import new_address, open_mail


def _site(other_site, service: str, *, policy: str = "", body: str = "") -> str:
    address, folder = other_site
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy else ""
    tag = body or f'<script src="{service}/embed/news-flash.js" async></script>'
    (folder / "index.html").write_text(
        "<!doctype html><html lang=en><head><title>Site</title><style>input{display:none}"
        f"</style>{head}</head><body><main><h1>A site</h1>{tag}<p>After</p></main></body></html>"
    )
    return address


def test_one_script_line_gives_a_form_that_says_in_place_what_happened(page, service, other_site):
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    site = _site(other_site, service)
    page.goto(site)
    field = page.get_by_label("Email address")
    expect(field).to_be_visible()
    assert page.evaluate("document.querySelector('script').nextElementSibling.localName") == "div"

    field.fill("reader@")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("alert")).to_contain_text("This isn't an email address.")
    expect(field).to_have_attribute("aria-invalid", "true")

    address = new_address()
    field.fill(address)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("status")).to_contain_text("Check your inbox")
    assert page.url.rstrip("/") == site
    assert page.context.cookies() == []
    assert errors == []
    open_mail(page, service, address)


def test_where_the_site_forbids_fetching_the_form_is_posted_plainly(page, service, other_site):
    policy = f"default-src 'self'; script-src {service}; connect-src 'none'; form-action {service}"
    page.goto(_site(other_site, service, policy=policy))
    page.get_by_label("Email address").fill(new_address())
    page.get_by_role("button", name="Subscribe").click()
    page.wait_for_url(re.compile(f"{service}/status/"))
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()


def test_the_hosted_form_works_in_a_frame(page, service, other_site):
    frame = f'<iframe title="Newsletter" width="340" src="{service}/subscribe/news-flash"></iframe>'
    page.goto(_site(other_site, service, body=frame))
    inside = page.frame_locator("iframe")
    inside.get_by_label("Email address").fill(new_address())
    inside.get_by_role("button", name="Subscribe").click()
    expect(inside.get_by_role("heading", name="Check your inbox")).to_be_visible()


@pytest.mark.parametrize("referrer_policy", ["no-referrer", "origin"])
def test_a_plain_form_of_another_site_may_post(page, service, other_site, referrer_policy):
    form = (
        f'<meta name="referrer" content="{referrer_policy}">'
        f'<form method="post" action="{service}/subscribe/news-flash">'
        f'<input type="hidden" name="email" value="{new_address()}"><button>Go</button></form>'
    )
    page.goto(_site(other_site, service, body=form))
    page.get_by_role("button", name="Go").click()
    page.wait_for_url(re.compile(f"{service}/status/"))
