"""The hosted form of a list with a page of its own that leads on to yet another site."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import new_address


@pytest.fixture
def moving_site(other_site: tuple[str, Path]) -> Iterator[str]:
    """The address of a site that has moved to the other one, as from http or www to its name."""
    target = f"{other_site[0]}/thanks.html"
    (other_site[1] / "thanks.html").write_text("<!doctype html><title>T</title><h1>Thanks</h1>")

    class Moved(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Moved)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("has_javascript", [True, False])
def test_the_hosted_form_leads_on_wherever_the_lists_page_leads(
    new_context, service: str, service_folder: Path, moving_site: str, has_javascript: bool
):
    slug = f"moved-{new_address()[7:15]}"
    command = (sys.executable, "-m", "service", "lists", "create", slug, "--name", "Moved")
    subprocess.run(
        (*command, "--redirect", f"{moving_site}/thanks?a=1&b=2"),
        check=True,
        capture_output=True,
        env={"NEWSFLASH_DATABASE_URL": f"sqlite:///{service_folder}/newsflash.db"},
        cwd=service_folder / "run",
    )
    page: Page = new_context(java_script_enabled=has_javascript).new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(f"{service}/subscribe/{slug}")
    page.get_by_label("Email address").fill(new_address())
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="Thanks")).to_be_visible()
    assert [text for text in told if "Content Security Policy" in text] == []
