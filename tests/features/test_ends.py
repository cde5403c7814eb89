"""How it ends: by signal, cleanly; by force, with nothing lost."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from sqlalchemy.engine import URL, make_url

from tests.features.conftest import empty_database, running_site
from tests.features.site import MailApi, Site, eventually

SIGNUPS = 200
LEASE_SECONDS = 30


def test_it_ends_within_seconds_and_finishes_what_is_under_way(site: Site, mail: MailApi):
    is_held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        is_held.set()
        go_on.wait(10)

    mail.hold = hold
    site.sign_up("ada@example.org")
    assert is_held.wait(10)
    body = json.dumps({"email": "bob@example.org"}).encode()
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as client:
        head = (
            "POST /v1/subscriptions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        client.sendall(head.encode() + body[:10])
        threading.Event().wait(0.5)  # let the request get under way
        began = time.monotonic()
        site.terminate()
        threading.Event().wait(0.5)
        client.sendall(body[10:])
        assert client.recv(1000).startswith(b"HTTP/1.1 202")
    go_on.set()
    assert site.wait() == 0
    assert time.monotonic() - began < 15
    assert "Traceback" not in site.log

    # The call under way was settled, so a new start has only Bob's mail to send.
    mail.hold = lambda: None
    site.start()
    mail.wait_for("bob@example.org")
    assert len(mail.to("ada@example.org")) == 1
    assert site.export()["bob@example.org"]["status"] == "pending"


def brief_wait() -> None:
    """Answer as slowly as a real API, so that some calls are under way at the kill."""
    threading.Event().wait(0.02)


def survive(site: Site, mail: MailApi) -> None:
    """Kill a site in the middle of signups, start it again, and look for each that was taken."""
    mail.hold = brief_wait
    emails = [f"p{number:03}@example.org" for number in range(SIGNUPS)]
    taken: list[str] = []
    local = threading.local()

    def sign_up(email: str) -> None:
        session = local.__dict__.setdefault("session", requests.Session())
        session.trust_env = False
        try:
            answer = session.post(f"{site.url}/v1/subscriptions", json={"email": email}, timeout=20)
            if answer.status_code == 202:
                taken.append(email)
        except requests.RequestException:
            session.close()

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(sign_up, email) for email in emails]
        eventually(lambda: len(taken) >= SIGNUPS // 3, "a third of the signups")
        site.kill()
        for future in futures:
            future.result(60)
    assert SIGNUPS // 3 <= len(taken) < SIGNUPS
    site.start()
    exported = site.export()
    assert set(taken) <= set(exported)
    eventually(
        lambda: all(mail.to(email) for email in taken),
        "a mail for each signup taken",
        seconds=LEASE_SECONDS + 30,
    )
    # A mail whose call was under way at the kill may come twice; no other, and none three times.
    counts = [len(mail.to(email)) for email in exported]
    assert max(counts) <= 2
    assert sum(count == 2 for count in counts) <= 8


def test_a_kill_loses_no_signup_and_no_mail(tmp_path: Path, postgres_server: URL):
    """On both databases at once: what was under way at the kill waits for its lease to run out."""

    def on_sqlite() -> None:
        url = make_url(f"sqlite:///{tmp_path}/sqlite/newsflash.db")
        with running_site(tmp_path / "sqlite", url) as site:
            survive(site, site.mail)

    def on_postgresql() -> None:
        with (
            empty_database(postgres_server) as url,
            running_site(tmp_path / "postgresql", url) as site,
        ):
            survive(site, site.mail)

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(on_sqlite), pool.submit(on_postgresql)]:
            future.result(180)
