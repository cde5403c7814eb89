"""The admin pages: signing in, each page and flow, on a phone and a desk, light and dark."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.steps import mailed, new_address, sign_up

PAGES = (
    "",
    "?days=90",
    "/subscribers",
    "/subscribers?q=nobody-at-all",
    "/lists",
    "/lists/news-flash",
    "/lists/news-flash/consent-texts",
    "/new-list",
    "/held",
    "/mails",
    "/mails?status=any",
    "/suppressions",
    "/import",
    "/export",
    "/keys",
    "/webhooks",
    "/retention",
    "/audit",
    "/lists/nothing",
)
FOREIGN: FilePayload = {
    "name": "foreign.csv",
    "mimeType": "text/csv",
    "buffer": b"Email,Called,Email status\nada@foreign.example,Ada,In\n",
}
VIEWS = [
    pytest.param({"width": 360, "height": 740}, "light", id="narrow-light"),
    pytest.param({"width": 360, "height": 740}, "dark", id="narrow-dark"),
    pytest.param({"width": 1280, "height": 900}, "light", id="wide-light"),
    pytest.param({"width": 1280, "height": 900}, "dark", id="wide-dark"),
]


@pytest.fixture(scope="session")
def key(service: str, service_folder: Path) -> str:
    """An administrator's key."""
    return newsflash(service, service_folder, "keys", "create", "first", "--role", "admin")


@pytest.fixture
def admin(new_context, service: str, key: str) -> Page:
    """A page whose browser is signed in."""
    return sign_in(new_context().new_page(), service, key)


def sign_in(page: Page, service: str, key: str) -> Page:
    page.goto(f"{service}/admin")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    heading(page, "Overview").to_be_visible()
    return page


def heading(page: Page, name: str):
    return expect(page.get_by_role("heading", name=name, exact=True))


def newsflash(service: str, folder: Path, *arguments: str) -> str:
    """Run a command beside the service and return what it printed."""
    return subprocess.run(
        [sys.executable, "-m", "service", *arguments],
        cwd=folder / "run",
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("NEWSFLASH_")},
            "NEWSFLASH_DATABASE_URL": f"sqlite:///{folder}/newsflash.db",
            "NEWSFLASH_PUBLIC_URL": service,
        },
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def test_a_link_from_the_command_line_signs_one_browser_in_once(
    new_context, service, service_folder
):
    link = newsflash(service, service_folder, "admin-link")
    page = new_context().new_page()
    page.goto(link)
    assert page.context.cookies() == []
    page.get_by_role("button", name="Sign in").click()
    heading(page, "Overview").to_be_visible()
    page.goto(f"{service}/subscribe/news-flash")
    page.goto(f"{service}/admin")
    heading(page, "Overview").to_be_visible()

    other = new_context().new_page()
    other.goto(link)
    heading(other, "This sign-in link is no longer valid").to_be_visible()


def test_a_key_signs_in_by_keyboard_alone_and_out_again(page, service, key):
    page.goto(f"{service}/admin/keys")
    expect(page.get_by_label("API key")).to_be_focused()
    page.keyboard.type("nf_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(
        "That key isn't valid, or isn't an admin key."
    )
    expect(page.get_by_label("API key")).to_be_focused()
    page.keyboard.type(key)
    page.keyboard.press("Enter")
    heading(page, "API keys").to_be_visible()  # the page that was asked for

    cookie = page.context.cookies()[0]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert page.evaluate("document.cookie") == ""

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()

    page.get_by_role("button", name="Sign out").focus()
    page.keyboard.press("Enter")
    heading(page, "Sign in").to_be_visible()
    assert page.context.cookies() == []
    page.go_back()
    page.reload()
    heading(page, "Sign in").to_be_visible()


def test_another_site_cannot_act_with_the_session(admin, service, other_site):
    site, folder = other_site
    (folder / "index.html").write_text(
        "<!doctype html><title>Site</title>"
        f'<form method="post" action="{service}/admin/keys">'
        '<input name="name" value="stolen"><input name="role" value="admin"><button>Go</button>'
        f'</form><a href="{service}/admin/keys">Keys</a>'
    )
    admin.goto(site)
    admin.get_by_role("button", name="Go").click()
    admin.wait_for_url(f"{service}/**")
    admin.goto(f"{service}/admin/keys")
    heading(admin, "API keys").to_be_visible()
    expect(admin.get_by_text("stolen")).to_have_count(0)


def _person(page: Page, service: str) -> Iterator[str]:
    """Bring up the states that need somebody: a person, wrong forms, open confirmations, a key."""
    address = new_address()
    sign_up(page, service, address)
    page.goto(f"{service}/admin/subscribers?q={address}")
    yield "found"
    page.get_by_role("link", name=address).click()
    page.get_by_text("Unsubscribe", exact=True).click()
    yield "person"
    page.get_by_role("button", name="Erase permanently").click()
    yield "person with an error"
    page.get_by_label("Attributes").fill("{")
    page.get_by_role("button", name="Save").click()
    yield "person with attributes that are none"
    page.goto(f"{service}/admin/lists/news-flash/consent-texts")
    page.get_by_role("button", name="Publish").click()
    yield "consent texts with an error"
    page.goto(f"{service}/admin/webhooks")
    page.get_by_role("button", name="Create webhook").click()
    yield "webhooks with an error"
    page.get_by_label("Address", exact=True).fill(f"https://{address.partition('@')[0]}.example/h")
    page.get_by_role("button", name="Create webhook").click()
    yield "a new webhook"
    page.get_by_role("link", name=address.partition("@")[0]).click()
    page.locator("summary", has_text="Delete").click()
    yield "webhook"
    page.goto(f"{service}/admin/new-list")
    page.get_by_role("button", name="Create").click()
    yield "list with an error"
    page.goto(f"{service}/admin/suppressions")
    page.get_by_label("Address", exact=True).fill(address)
    page.get_by_role("button", name="Suppress").click()
    page.locator("summary", has_text="Remove suppression").first.click()
    yield "suppressed"
    page.goto(f"{service}/admin/import")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "a.csv", "mimeType": "text/csv", "buffer": b"email,status\nnobody,pending\n"}
    )
    page.route("**/admin/import", lambda route: None)  # the answer is long in coming
    page.get_by_role("button", name="Import").click()
    page.get_by_role("progressbar").wait_for()
    yield "importing"
    page.unroute("**/admin/import")
    page.goto(f"{service}/admin/import")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "a.csv", "mimeType": "text/csv", "buffer": b"email,status\nnobody,pending\n"}
    )
    page.get_by_role("button", name="Import").click()
    page.get_by_role("heading", name="Import results: a.csv").wait_for()
    yield "imported"
    page.goto(f"{service}/admin/import")
    page.get_by_label("File", exact=True).set_input_files(FOREIGN)
    page.get_by_role("button", name="Import").click()
    page.get_by_label("Email status", exact=True).select_option("status")
    yield "columns"
    page.goto(f"{service}/admin/keys")
    page.get_by_label("Name").fill(f"key-{address.partition('@')[0]}")
    page.get_by_role("button", name="Create key").click()
    page.locator("summary", has_text="Revoke").last.click()
    yield "key"
    page.goto(f"{service}/admin")
    page.locator("summary").click()
    yield "overview as a table"


@pytest.mark.parametrize(("viewport", "scheme"), VIEWS)
def test_every_page_is_accessible_and_fits(new_context, service, key, viewport, scheme):
    page = new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce").new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    sign_in(page, service, key)
    axe = Axe()

    def check(name: str) -> None:
        results = axe.run(page)
        assert results.violations_count == 0, f"{name}: {results.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], name
        small = page.evaluate(
            "[...document.querySelectorAll('button, .button, select, textarea, "
            "input:not([type=checkbox], [type=hidden])')]"
            ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 44).length"
        )
        assert small == 0, name

    for path in PAGES:
        page.goto(f"{service}/admin{path}")
        check(path)
    for name in _person(page, service):
        check(name)
    assert [text for text in told if "Content Security Policy" in text] == []


def test_the_overview_counts_what_happened(admin, service, new_context):
    visitor = new_context().new_page()
    mail = mailed(visitor, service)
    visitor.goto(mail["confirm"])
    visitor.get_by_role("button", name="Yes, subscribe me").click()
    visitor.get_by_role("heading", name="You are subscribed").wait_for()
    assert visitor.context.cookies() == []
    admin.goto(f"{service}/admin")
    expect(admin.get_by_role("img", name=re.compile("Signups, confirmations"))).to_be_visible()
    admin.get_by_role("link", name="90 days").click()
    expect(admin.locator(".bars g")).to_have_count(90)
    admin.get_by_text("Show as a table").click()
    expect(admin.get_by_role("table").first.get_by_role("row")).to_have_count(91)


def test_a_list_is_made_changed_and_its_line_gives_a_form(admin, service, other_site):
    slug = f"list-{new_address().partition('@')[0]}"
    admin.goto(f"{service}/admin/lists")
    admin.get_by_role("link", name="New list").click()
    admin.get_by_label("Name", exact=True).fill("Product updates")
    admin.get_by_label("Slug").fill("Not a slug")
    admin.get_by_role("button", name="Create").click()
    expect(admin.get_by_label("Slug")).to_have_accessible_description(re.compile("lowercase"))
    expect(admin.get_by_label("Slug")).to_be_focused()
    expect(admin.get_by_label("Name", exact=True)).to_have_value("Product updates")
    admin.get_by_label("Slug").fill(slug)
    admin.get_by_role("button", name="Create").click()
    expect(admin.get_by_role("status")).to_have_text("The list is created.")
    admin.get_by_label("Description").fill("Once a month")
    admin.get_by_role("button", name="Save").click()
    expect(admin.get_by_role("status")).to_have_text("Saved.")
    expect(admin.get_by_label("Description")).to_have_value("Once a month")

    line = admin.get_by_label("Script embed").input_value()
    site, folder = other_site
    (folder / "index.html").write_text(f"<!doctype html><title>Site</title><main>{line}</main>")
    admin.goto(site)
    expect(admin.get_by_label("Email address")).to_be_visible()


def test_a_key_is_shown_once_and_revoked(admin, service):
    name = f"key-{new_address().partition('@')[0]}"
    admin.goto(f"{service}/admin/keys")
    admin.get_by_label("Name").fill(name)
    admin.get_by_label("Role").select_option("export")
    admin.get_by_role("checkbox", name="News Flash").check()
    admin.get_by_role("button", name="Create key").click()
    key = admin.get_by_label("Key", exact=True).input_value()
    request = admin.request
    headers = {"Authorization": f"Bearer {key}"}
    assert request.get(f"{service}/v1/subscribers/export", headers=headers).status == 200
    admin.goto(f"{service}/admin/keys")
    expect(admin.get_by_label("Key", exact=True)).to_have_count(0)
    row = admin.get_by_role("row", name=name)
    row.locator("summary").click()
    row.get_by_role("button", name=f"Revoke {name}").click()
    expect(admin.get_by_role("status")).to_have_text("The key is revoked.")
    expect(admin.get_by_role("row", name=name)).to_contain_text("revoked")


def test_a_webhook_is_made_by_keyboard_paused_and_removed(admin, service):
    address = f"https://{new_address().partition('@')[0]}.example/hook"
    admin.goto(f"{service}/admin/webhooks")
    admin.get_by_label("Address", exact=True).focus()
    admin.keyboard.type(address)
    for _ in range(3):
        admin.keyboard.press("Tab")
    expect(admin.get_by_label("subscription.unsubscribed")).to_be_focused()
    admin.keyboard.press("Space")
    admin.keyboard.press("Enter")
    secret = admin.get_by_label("Secret", exact=True)
    expect(secret).to_be_focused()
    expect(secret).to_have_value(re.compile("whsec_"))
    row = admin.get_by_role("row", name=address)
    expect(row).to_contain_text("subscription.unsubscribed")
    row.get_by_role("link").focus()
    admin.keyboard.press("Enter")
    expect(admin.get_by_label("Secret", exact=True)).to_have_count(0)
    admin.get_by_role("button", name="Disable").focus()
    admin.keyboard.press("Enter")
    expect(admin.get_by_role("status")).to_have_text("Disabled. Nothing is sent to it.")
    admin.get_by_role("button", name="Enable").click()
    expect(admin.get_by_role("status")).to_have_text("Enabled. Queued deliveries are sent now.")
    admin.locator("summary", has_text="Delete").click()
    admin.get_by_role("button", name="Delete the webhook").click()
    expect(admin.get_by_role("status")).to_have_text("The webhook is deleted.")
    expect(admin.get_by_text(address)).to_have_count(0)


def test_a_consent_text_is_added_and_the_form_shows_it(admin, service):
    slug = f"list-{new_address().partition('@')[0]}"
    admin.goto(f"{service}/admin/new-list")
    admin.get_by_label("Name", exact=True).fill("Product updates")
    admin.get_by_label("Slug").fill(slug)
    admin.get_by_role("button", name="Create").click()
    admin.get_by_role("link", name="Consent texts").click()
    expect(admin.get_by_role("heading", name="Version 1 shown now")).to_be_visible()
    admin.get_by_label("What people agree to").fill("One mail a month, never more.")
    admin.get_by_role("button", name="Publish").click()
    expect(admin.get_by_role("status")).to_have_text("Published. Forms show it now.")
    expect(admin.get_by_role("heading", name="Version 2 en shown now")).to_be_visible()
    expect(admin.get_by_role("heading", name="Version 1", exact=True)).to_be_visible()
    admin.goto(f"{service}/subscribe/{slug}")
    expect(admin.get_by_text("One mail a month, never more.")).to_be_visible()


def test_a_person_is_corrected(admin, service, new_context):
    address = new_address()
    sign_up(new_context().new_page(), service, address)
    admin.goto(f"{service}/admin/subscribers?q={address}")
    admin.get_by_role("link", name=address).click()
    admin.get_by_label("Name").fill("Ada")
    admin.get_by_label("Attributes").fill("plan: gold")
    admin.keyboard.press("Tab")
    admin.keyboard.press("Enter")
    expect(admin.get_by_label("Attributes")).to_have_accessible_description(
        re.compile("Use a JSON object")
    )
    expect(admin.get_by_label("Name")).to_have_value("Ada")
    admin.get_by_label("Attributes").fill('{"plan": "gold"}')
    admin.get_by_role("button", name="Save").click()
    expect(admin.get_by_role("status")).to_have_text("Saved.")
    expect(admin.locator("dl.facts")).to_contain_text("gold")


def test_a_person_is_found_taken_off_a_list_and_erased(admin, service, new_context):
    address = new_address()
    sign_up(new_context().new_page(), service, address)
    admin.goto(f"{service}/admin/subscribers")
    admin.get_by_label("Address, name or attribute").fill(address[:16])
    admin.get_by_role("button", name="Search").click()
    admin.get_by_role("link", name=address).click()
    heading(admin, address).to_be_visible()
    admin.locator("summary", has_text="Unsubscribe").click()
    admin.get_by_role("button", name="Unsubscribe from News Flash").click()
    expect(admin.get_by_role("status")).to_have_text("Unsubscribed.")
    expect(admin.get_by_text("administrator")).to_be_visible()
    admin.get_by_label("Enter the address to confirm").fill("somebody@else.example")
    admin.get_by_role("button", name="Erase permanently").click()
    expect(admin.get_by_role("alert").last).to_contain_text("This is not the person's address.")
    admin.get_by_label("Enter the address to confirm").fill(address)
    admin.get_by_role("button", name="Erase permanently").click()
    expect(admin.get_by_role("status")).to_have_text("The person is erased.")
    admin.goto(f"{service}/admin/subscribers?q={address}")
    expect(admin.get_by_text("No matches.")).to_be_visible()
    admin.goto(f"{service}/admin/audit")
    expect(admin.get_by_text("subscriber.erased").first).to_be_visible()


def test_files_go_in_and_out(admin, service):
    address = new_address()
    admin.goto(f"{service}/admin/import")
    text = (
        "email,status,consent_at,consent_source\n"
        f"{address},confirmed,2026-01-01T00:00:00Z,paper\nnobody,pending,,\n"
    )
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": text.encode()}
    admin.get_by_label("File", exact=True).set_input_files(file)
    admin.get_by_role("button", name="Dry run").click()
    heading(admin, "Dry run results: people.csv").to_be_visible()
    admin.get_by_label("File", exact=True).set_input_files(file)
    admin.get_by_role("button", name="Import").click()
    heading(admin, "Import results: people.csv").to_be_visible()
    with admin.expect_download(timeout=60_000) as report:
        admin.get_by_role("link", name="Download these 1 as CSV").click()
    assert Path(report.value.path()).read_text().startswith("line,column,problem\n3,email,")

    admin.goto(f"{service}/admin/export")
    admin.get_by_label("Status", exact=True).select_option("confirmed")
    with admin.expect_download(timeout=60_000) as export:
        admin.get_by_role("button", name="Download").click()
    assert export.value.suggested_filename.endswith(".csv")
    assert f"{address}," in Path(export.value.path()).read_text()


def test_an_import_shows_how_far_it_is_and_leaves_a_report_of_every_row(admin, service):
    start = new_address().partition("@")[0]
    people = "".join(f"{start}-{number}@example.org,pending\n" for number in range(12_000))
    file = {"name": "a.csv", "mimeType": "text/csv", "buffer": f"email,status\n{people}".encode()}
    admin.goto(f"{service}/admin/import")
    admin.get_by_label("File", exact=True).set_input_files(file)
    admin.get_by_label("Download the result of each row").check()
    admin.evaluate(
        """() => {
            const place = document.getElementById("progress");
            window.seen = [];
            new MutationObserver(() => window.seen.push(place.innerText)).observe(
                place, { childList: true, subtree: true, characterData: true });
        }"""
    )
    admin.get_by_role("button", name="Import", exact=True).focus()
    admin.keyboard.press("Enter")
    heading(admin, "Import results: a.csv").to_be_focused(timeout=60_000)
    seen = admin.evaluate("window.seen")
    assert any("Uploading the file" in each for each in seen)
    assert any(re.search(r"Importing the rows\s+[\d,]+ rows · \d+%", each) for each in seen)
    with admin.expect_download(timeout=60_000) as report:
        admin.get_by_role("link", name="Download the result of each row").click()
    assert report.value.suggested_filename == "import-report.csv"
    lines = Path(report.value.path()).read_text().splitlines()
    assert (lines[0], len(lines)) == ("line,outcome,column,message", 12_001)

    # The page works on: the next file goes the same way.
    admin.get_by_label("File", exact=True).set_input_files({**file, "buffer": b"a@b.c;b\n"})
    admin.get_by_role("button", name="Dry run").click()
    expect(admin.get_by_role("alert").first).to_be_visible()
    expect(admin.get_by_label("File", exact=True)).to_be_focused()


def test_columns_of_a_foreign_file_are_chosen_without_choosing_the_file_again(admin, service):
    admin.goto(f"{service}/admin/import")
    admin.get_by_label("File", exact=True).set_input_files(FOREIGN)
    admin.get_by_role("button", name="Choose columns").click()
    heading(admin, "Columns of foreign.csv").to_be_focused()
    choose_columns(admin)
    admin.get_by_role("button", name="Dry run").click()
    heading(admin, "Dry run results: foreign.csv").to_be_focused()
    admin.get_by_role("button", name="Import", exact=True).click()
    heading(admin, "Import results: foreign.csv").to_be_focused()
    admin.goto(f"{service}/admin/subscribers?q=ada@foreign.example")
    expect(admin.get_by_role("link", name="ada@foreign.example")).to_be_visible()


def choose_columns(page: Page) -> None:
    page.get_by_label("Called", exact=True).select_option("First name")
    expect(page.get_by_label("In 1")).to_have_count(1)
    page.get_by_label("Email status", exact=True).select_option("status")
    page.get_by_label("In 1").select_option("Not confirmed: don't email")


def test_an_import_that_breaks_off_says_what_to_do(admin, service):
    admin.goto(f"{service}/admin/import")
    admin.route("**/admin/import", lambda route: route.abort())
    file = {"name": "a.csv", "mimeType": "text/csv", "buffer": b"email,status\n"}
    admin.get_by_label("File", exact=True).set_input_files(file)
    admin.get_by_role("button", name="Import", exact=True).click()
    expect(admin.get_by_role("alert")).to_contain_text(
        "The import stopped. Rows already imported are kept; import the file again to finish."
    )
    expect(admin.get_by_role("button", name="Import", exact=True)).to_be_visible()


def test_the_manifest_of_a_download_appears_by_itself(admin, service):
    purpose = f"for {new_address()}"
    admin.goto(f"{service}/admin/export")
    admin.get_by_label("Purpose").fill(purpose)
    with admin.expect_download(timeout=60_000):
        admin.get_by_role("button", name="Download").click()
    expect(admin.get_by_role("status")).to_contain_text(re.compile(r"Export complete: [\d,]+ rows"))
    row = admin.get_by_role("row", name=purpose)
    expect(row.locator("code")).to_have_text(re.compile("[0-9a-f]{64}"))


def test_everything_works_without_javascript(new_context, service, key):
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, service, key)
    address = new_address()
    page.goto(f"{service}/admin/suppressions")
    page.get_by_label("Address", exact=True).fill(address)
    page.get_by_role("button", name="Suppress").click()
    expect(page.get_by_role("status")).to_have_text("The address is suppressed.")
    page.get_by_label("Find an address").fill(address)
    page.get_by_role("button", name="Find").click()
    page.locator("summary", has_text="Remove suppression").click()
    page.get_by_role("button", name="Remove suppression").click()
    expect(page.get_by_role("status")).to_have_text("The suppression is removed.")
    page.goto(f"{service}/admin/import")
    file = {"name": "a.csv", "mimeType": "text/csv", "buffer": b"email,status\nnobody,pending\n"}
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Dry run").click()
    heading(page, "Dry run results: a.csv").to_be_visible()
    page.get_by_label("File", exact=True).set_input_files(FOREIGN)
    page.get_by_role("button", name="Import").click()
    heading(page, "Columns of foreign.csv").to_be_visible()
    choose_columns(page)
    page.get_by_label("File", exact=True).set_input_files(FOREIGN)
    page.get_by_role("button", name="Dry run").click()
    heading(page, "Dry run results: foreign.csv").to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    heading(page, "Sign in").to_be_visible()
