"""What a person does, step by step."""

import re
import uuid

from playwright.sync_api import Page, expect


def new_address() -> str:
    return f"reader-{uuid.uuid4().hex[:12]}@example.org"


def sign_up(page: Page, service: str, address: str) -> None:
    page.goto(f"{service}/subscribe/news-flash")
    page.get_by_label("Email address").fill(address)
    page.get_by_role("button", name="Subscribe").click()


def open_mail(page: Page, service: str, address: str, *, subject: str = "") -> None:
    """Open the newest mail to the address in the local mailbox, once it is there."""
    mail = page.locator(".mails a", has_text=address).filter(has_text=subject).first
    for _ in range(60):
        page.goto(f"{service}/mailbox")
        if mail.count():
            break
        page.wait_for_timeout(250)
    mail.click()
    expect(page.get_by_role("link", name="Headers")).to_be_visible()


def links(page: Page) -> dict[str, str]:
    """Return the links of the open mail by what they do, and its `code`."""
    page.get_by_role("link", name="Text", exact=True).click()
    text = page.locator(".mail-text").inner_text()
    found = {
        action: re.search(rf"http\S+/{action}/\S+", text)[0]  # type: ignore[index]
        for action in ("confirm", "unsubscribe")
    }
    return {**found, "code": re.search(r"\b\d{6}\b", text)[0]}  # type: ignore[index]


def mailed(page: Page, service: str) -> dict[str, str]:
    """Sign a new address up and return the links of its mail."""
    address = new_address()
    sign_up(page, service, address)
    open_mail(page, service, address)
    return links(page)
