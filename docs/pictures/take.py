"""Take the README's pictures: the form, the email, the overview.

    .venv/bin/python docs/pictures/take.py

It starts the service with its embedded default in an empty folder, lets made-up people sign up and
confirm, spreads what they did over thirty days, and photographs the pages with Chromium.
"""

import email
import json
import os
import random
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.policy import default
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEOPLE = 90
CONFIRMED_SHARE = 0.85
LEFT_SHARE = 0.06
DAYS = 29
SITES = (
    "https://www.example.org/",
    "https://www.example.org/news",
    "https://www.example.org/about",
)
FIRST_READER = "ann@example.org"


def main() -> None:
    """Start the service, fill it, take the pictures."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        with running(folder) as url:
            fill(url, folder)
            chromium = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            photograph(browser, url, folder)
            browser.close()


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run `newsflash serve` in the folder, and return its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--port", str(port)],
            cwd=folder,
            env=environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: fetch(f"{url}/healthz"))
        yield url
    finally:
        process.terminate()
        process.wait(30)


def environment() -> dict[str, str]:
    """Return this environment without settings of ours, with the project on Python's path."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("NEWSFLASH_")}
    return own | {"PYTHONPATH": str(ROOT), "NEWSFLASH_RATELIMIT_ENABLED": "false"}


def fill(url: str, folder: Path) -> None:
    """Let people sign up, most of them confirm and some unsubscribe, over the last thirty days."""
    chance = random.Random(7)
    people = [FIRST_READER, *(f"reader{number}@example.org" for number in range(1, PEOPLE))]
    for address in people:
        post(f"{url}/v1/subscriptions", {"email": address, "source": chance.choice(SITES)})
    mailbox = folder / "var" / "mailbox" / "new"
    wait_for(lambda: len(list(mailbox.iterdir())) >= PEOPLE)
    for path in mailbox.iterdir():
        message = email.message_from_bytes(path.read_bytes(), policy=default)
        text = message.get_body(("plain",)).get_content()
        found = re.findall(r"(http\S+/(confirm|unsubscribe)/\S+)", text)
        links = {action: link for link, action in found}
        if message["To"] == FIRST_READER or chance.random() > CONFIRMED_SHARE:
            continue
        fetch(links["confirm"], data=b"")
        if chance.random() < LEFT_SHARE:
            fetch(links["unsubscribe"], data=b"")
    with closing(sqlite3.connect(folder / "var" / "newsflash.db", timeout=30)) as database:
        spread(database, chance)


def spread(database: sqlite3.Connection, chance: random.Random) -> None:
    """Move each person's entries to a day of their own, more of them lately."""
    people = database.execute("SELECT DISTINCT subscriber_id FROM consent_events").fetchall()
    for (person,) in people:
        days = int(DAYS * (1 - chance.random() ** 0.7))
        at = datetime.now(UTC) - timedelta(days=days, minutes=chance.randrange(60))
        for place, (event,) in enumerate(
            database.execute(
                "SELECT id FROM consent_events WHERE subscriber_id = ? ORDER BY id", (person,)
            ).fetchall()
        ):
            moved = (at + timedelta(minutes=place)).strftime("%Y-%m-%d %H:%M:%S.%f")
            database.execute("UPDATE consent_events SET at = ? WHERE id = ?", (moved, event))
    database.commit()


def photograph(browser: Browser, url: str, folder: Path) -> None:
    """Take the three pictures at twice the density of a plain screen."""
    page = browser.new_page(viewport={"width": 720, "height": 620}, device_scale_factor=2)
    page.goto(f"{url}/subscribe/news-flash")
    page.screenshot(path=HERE / "form.png")
    page.goto(f"{url}/mailbox")
    page.get_by_role("link", name=re.compile(FIRST_READER)).first.click()
    frame = page.locator("iframe")
    page.goto(f"{url}{frame.get_attribute('src')}")
    page.screenshot(path=HERE / "email.png")
    command = [sys.executable, "-m", "service", "admin-link"]
    link = subprocess.run(
        command, cwd=folder, env=environment(), check=True, capture_output=True, text=True
    ).stdout
    page.set_viewport_size({"width": 1180, "height": 900})
    page.goto(re.search(r"http://\S+", link)[0].replace("http://127.0.0.1:8000", url))
    page.get_by_role("button").last.click()
    page.goto(f"{url}/admin")
    page.screenshot(path=HERE / "overview.png")


def post(url: str, body: dict[str, str]) -> None:
    """Post JSON."""
    fetch(url, data=json.dumps(body).encode(), kind="application/json")


def fetch(url: str, *, data: bytes | None = None, kind: str = "text/plain") -> bytes:
    """Get the address, or post to it."""
    request = urllib.request.Request(url, data=data, headers={"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()


def wait_for(look: Callable[[], object]) -> None:
    """Look until there is something; give up after a minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with suppress(OSError):
            if look():
                return
        time.sleep(0.2)
    raise SystemExit("The service did not answer as expected")


if __name__ == "__main__":
    main()
