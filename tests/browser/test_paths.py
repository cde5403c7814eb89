"""The ways through the service, from a newcomer's first click to the last."""

import re

from playwright.sync_api import Page, expect

from tests.browser.steps import links, mailed, new_address, open_mail, sign_up


def heading(page: Page, name: str):
    return expect(page.get_by_role("heading", name=name, exact=True))


def test_a_newcomer_signs_up_confirms_leaves_and_comes_back(page, service):
    address = new_address()
    page.goto(service)
    page.get_by_role("link", name="News Flash").click()
    page.get_by_label("Email address").fill(address)
    page.get_by_label("Name").fill("A Reader")
    page.get_by_role("button", name="Subscribe").click()
    heading(page, "Check your inbox").to_be_visible()

    page.get_by_role("link", name="Open the local mailbox").click()
    page.locator(".mails a", has_text=address).click()
    page.frame_locator("iframe").get_by_role("link", name="Confirm", exact=True).click()
    page.wait_for_url(re.compile("/confirm/"))
    page.mouse.move(300, 200)
    heading(page, "You are subscribed").to_be_visible()

    open_mail(page, service, address)
    page.frame_locator("iframe").get_by_role("link", name="Unsubscribe", exact=True).click()
    page.wait_for_url(re.compile("/unsubscribe/"))
    page.mouse.move(300, 200)  # a page that posts by itself would now: this one must not
    page.keyboard.press("Tab")
    heading(page, "Unsubscribe").to_be_visible()
    page.get_by_role("button", name="Unsubscribe").click()
    heading(page, "You are unsubscribed").to_be_visible()
    page.get_by_role("button", name="undo").click()
    heading(page, "You are subscribed again").to_be_visible()
    assert page.context.cookies() == []


def test_everything_works_without_javascript(new_context, service):
    page = new_context(java_script_enabled=False).new_page()
    mail = mailed(page, service)
    page.goto(mail["confirm"])
    page.get_by_role("button", name="Yes, subscribe me").click()
    heading(page, "You are subscribed").to_be_visible()
    page.goto(mail["unsubscribe"])
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_label("Too many emails").check()
    page.get_by_role("button", name="Send").click()
    heading(page, "Thank you").to_be_visible()
    page.get_by_role("button", name="undo").click()
    heading(page, "You are subscribed again").to_be_visible()


def test_the_status_page_reloads_itself_without_javascript_until_someone_may_type(
    new_context, service
):
    page = new_context(java_script_enabled=False).new_page()
    sign_up(page, service, new_address())
    assert page.locator("noscript meta[http-equiv=refresh], meta[http-equiv=refresh]").count() == 1
    page.get_by_role("link", name="Stop refreshing").click()
    assert page.locator("meta[http-equiv=refresh]").count() == 0
    expect(page.get_by_label("Or enter the 6-digit code")).to_be_visible()


def test_the_code_from_the_mail_confirms_where_the_signup_was_made(new_context, service):
    context = new_context()
    page, inbox = context.new_page(), context.new_page()
    address = new_address()
    sign_up(page, service, address)
    open_mail(inbox, service, address)
    code = links(inbox)["code"]
    field = page.get_by_label("Or enter the 6-digit code")

    field.fill("000 000" if code != "000000" else "111 111")
    page.get_by_role("button", name="Confirm").click()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("That code isn't right"))

    field.fill(f"{code[:3]} {code[3:]}")
    page.get_by_role("button", name="Confirm").click()
    heading(page, "You are subscribed").to_be_visible()


def test_a_mistyped_address_is_explained_at_its_field_and_kept(page, service):
    sign_up(page, service, "reader@")
    field = page.get_by_label("Email address")
    expect(field).to_have_value("reader@")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("This isn't an email address"))
    expect(field).to_be_focused()


def test_the_hidden_field_takes_no_focus_and_is_not_seen(page, service):
    page.goto(f"{service}/subscribe/news-flash")
    trap = page.locator("input[name=website]")
    expect(trap).to_be_hidden()
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('name')"))
    assert {"email", "name"} <= reached
    assert "website" not in reached
