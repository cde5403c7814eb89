"""From signup to export, by HTTP and by what lands in the mail API, and by nothing else."""

import threading
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from tests.features.site import MailApi, Site, eventually

ADA, BOB = "ada@example.org", "bob@example.com"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def at(text: str | None) -> datetime:
    assert text is not None
    moment = datetime.fromisoformat(text)
    assert moment.utcoffset() == timedelta(0)
    return moment


def test_a_person_signs_up_confirms_leaves_and_comes_back(site: Site, mail: MailApi):
    began = datetime.now(UTC)
    answer = site.sign_up(ADA, name="Ada", source="https://site.example/")
    assert answer.status_code == 202
    assert set(answer.json()) == {"status", "status_url"}
    assert answer.json()["status"] == "pending"
    status_url = answer.json()["status_url"]
    form = site.post_form(BOB)
    assert form.status_code == 303
    assert "/status/" in form.headers["Location"]
    ada, bob = mail.wait_for(ADA), mail.wait_for(BOB)

    # Scanners and previews open everything, and nothing comes of it.
    for link in (ada.confirm_link, ada.leave_link, bob.confirm_link, bob.leave_link, status_url):
        for _ in range(5):
            assert site.session.get(link, timeout=20).status_code == 200
            assert site.session.head(link, timeout=20).status_code == 200
    assert {row["status"] for row in site.export().values()} == {"pending"}
    assert len(mail.mails) == 2

    for _ in range(2):
        assert site.post(ada.confirm_link).status_code == 200
        assert site.post(bob.confirm_link).status_code == 200
    exported = site.export()
    for email in (ADA, BOB):
        row = exported[email]
        assert row["status"] == "confirmed"
        assert began <= at(row["requested_at"]) <= at(row["confirmed_at"]) <= datetime.now(UTC)
        assert row["ended_at"] is None
    assert exported[ADA]["source"] == "https://site.example/"
    assert exported[ADA]["name"] == "Ada"

    # A confirmed address gets the same answer, and a mail that says so.
    again = site.sign_up(ADA)
    assert (again.status_code, set(again.json())) == (202, {"status", "status_url"})
    assert "/confirm/" not in mail.wait_for(ADA, 2).body["Text"]

    confirmed_at = exported[ADA]["confirmed_at"]
    for _ in range(2):
        assert site.post(ada.leave_link, data=ONE_CLICK).status_code == 200
    row = site.export()[ADA]
    assert (row["status"], row["ended_reason"]) == ("unsubscribed", "one_click")
    assert row["confirmed_at"] == confirmed_at
    assert at(row["ended_at"]) >= at(confirmed_at)

    # The old link does not bring them back; a new signup does, with a link of its own.
    assert site.post(ada.confirm_link).status_code == 410
    assert site.export()[ADA]["status"] == "unsubscribed"
    site.sign_up(ADA)
    fresh = mail.wait_for(ADA, 3)
    assert fresh.confirm_link != ada.confirm_link
    assert site.export()[ADA]["status"] == "pending"
    assert site.post(fresh.confirm_link).status_code == 200
    row = site.export()[ADA]
    assert (row["status"], row["ended_at"], row["ended_reason"]) == ("confirmed", None, None)
    assert at(row["confirmed_at"]) > at(confirmed_at)
    assert len(mail.to(BOB)) == 1
    assert "Traceback" not in site.log
    for secret in (ADA, BOB, ada.confirm_link.rpartition("/")[2]):
        assert secret not in site.log.partition("Newsflash listens")[2]


def test_one_click_takes_every_encoding_and_every_origin(site: Site, mail: MailApi):
    bodies: list[dict[str, Any]] = [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"data": b""},
    ]
    cases = list(product((None, "null", "https://mail.example", "http://127.0.0.1:1"), bodies))
    emails = [f"p{number}@example.org" for number in range(len(cases))]
    for email in emails:
        site.sign_up(email)
    for email, (origin, body) in zip(emails, cases, strict=True):
        headers = {} if origin is None else {"Origin": origin}
        caught = mail.wait_for(email)
        assert site.post(caught.confirm_link, headers=headers).status_code == 200
        for _ in range(2):
            answer = site.post(caught.leave_link, headers=headers, **body)
            assert answer.status_code == 200
            assert "Set-Cookie" not in answer.headers
    assert {row["status"] for row in site.export().values()} == {"unsubscribed"}


def test_a_mail_leaves_within_a_second_or_two(site: Site, mail: MailApi):
    site.sign_up("warm@example.org")
    mail.wait_for("warm@example.org")
    site.sign_up(ADA)
    eventually(lambda: bool(mail.to(ADA)), "the mail", seconds=2)


def test_a_slow_mail_api_slows_no_signup(site: Site, mail: MailApi):
    gate = threading.Event()

    def hold() -> None:
        gate.wait(8)

    mail.hold = hold
    try:
        for number in range(10):
            answer = site.sign_up(f"p{number}@example.org")
            assert answer.status_code == 202
            assert answer.elapsed < timedelta(seconds=2)
    finally:
        gate.set()
    for number in range(10):
        mail.wait_for(f"p{number}@example.org")
