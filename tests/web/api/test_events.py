"""The route that mail APIs call."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from service.app import services_of
from service.domain.errors import UnavailableError
from service.mail.events.registry import EventParsers
from service.store.tables.base import db
from service.store.tables.delivery import OutboxMessage, RecordedEvent
from service.store.tables.people import Subscription, Suppression
from service.web.api.events import MAX_EVENTS_BYTES
from tests.conftest import make_settings, running_app
from tests.mail.events import senders
from tests.mail.events.payloads import HARD_BOUNCES, OURS
from tests.mail.events.senders import SECRETS

FORM = "/subscribe/news-flash"


@pytest.fixture
def app(database_url, tmp_path) -> Iterator[Flask]:
    with running_app(make_settings(database_url, tmp_path, webhook_secrets=SECRETS)) as made:
        yield made


@pytest.fixture
def status_url(client):
    answer = client.post("/v1/subscriptions", json={"email": "reader@example.org"})
    return answer.json["status_url"].replace("http://127.0.0.1:8000", "")


@pytest.fixture
def message_id(app, status_url) -> UUID:
    with app.app_context():
        return db.session.scalars(select(OutboxMessage.id)).one()


def post(client, provider, made):
    return client.post(
        f"/v1/events/{provider}", data=made.body, headers={**made.headers, "X-Other": "1"}
    )


def bounce(provider, message_id):
    """A hard bounce of our mail, signed now."""
    payload = json.loads(json.dumps(HARD_BOUNCES[provider]).replace(OURS, str(message_id)))
    if provider in ("sendgrid", "mailgun", "resend"):
        return getattr(senders, provider)(payload, at=datetime.now(UTC))
    return senders.SENDERS[provider](payload)


def counts(**given: int) -> dict[str, int]:
    names = ("applied", "duplicates", "unknown", "ignored", "not_understood")
    return {name: given.get(name, 0) for name in names}


@pytest.mark.parametrize("provider", sorted(set(SECRETS) - {"ses", "scaleway"}))
def test_a_bounce_reaches_the_address_and_its_page(app, client, status_url, message_id, provider):
    answer = post(client, provider, bounce(provider, message_id))
    assert answer.status_code == 200
    assert answer.json == {
        "applied": 1,
        "duplicates": 0,
        "unknown": 0,
        "ignored": 0,
        "not_understood": 0,
    }
    again = post(client, provider, bounce(provider, message_id))
    assert again.json == {
        "applied": 0,
        "duplicates": 1,
        "unknown": 0,
        "ignored": 0,
        "not_understood": 0,
    }
    with app.app_context():
        assert db.session.scalars(select(Suppression.reason)).all() == ["hard_bounce"]
        assert db.session.scalars(select(Subscription.ended_reason)).all() == ["hard_bounce"]
    assert "It came back to us." in client.get(status_url).text


def test_a_signed_notification_of_a_topic_counts(client, message_id, app, monkeypatch):
    now = datetime.now(UTC)
    monkeypatch.setattr(senders, "NOW", now)
    authority = senders.aws()
    parse = EventParsers(SECRETS, get=authority.fetch)
    monkeypatch.setattr(services_of(app).feedback, "_parse", parse)
    payload = json.loads(json.dumps(HARD_BOUNCES["ses"]).replace(OURS, str(message_id)))
    answer = client.post(
        "/v1/events/ses",
        data=json.dumps(authority.message(payload)),
        content_type="text/plain; charset=UTF-8",
    )
    assert (answer.status_code, answer.json["applied"]) == (200, 1)


def test_an_event_that_is_not_understood_is_kept_and_counted(app, client, message_id):
    payload = {
        "RecordType": "Bounce",
        "Type": "OfANewKind",
        "Inactive": True,
        "MessageID": "x",
        "Metadata": {"message_id": str(message_id)},
    }
    made = senders.with_secret(payload)
    answer = post(client, "postmark", made)
    assert answer.json == counts(not_understood=1)
    assert post(client, "postmark", made).json == counts(duplicates=1)
    with app.app_context():
        kept = db.session.execute(select(RecordedEvent.kind, RecordedEvent.detail)).all()
        assert [tuple(row) for row in kept] == [("not_understood", "OfANewKind")]
        assert db.session.scalars(select(Suppression.reason)).all() == []
        assert db.session.scalars(select(Subscription.ended_reason)).all() == [None]
    metrics = client.get("/metrics").text
    assert 'newsflash_provider_events_not_understood{provider="postmark"} 1.0' in metrics


def test_entries_that_are_no_events_are_counted(client, message_id):
    good = json.loads(bounce("brevo", message_id).body)
    answer = post(client, "brevo", senders.with_secret([7, good, None]))
    assert (answer.json["applied"], answer.json["not_understood"]) == (1, 2)


def test_a_mail_that_is_not_ours_is_answered_and_counted(client):
    answer = post(client, "postmark", bounce("postmark", OURS))
    assert answer.json == {
        "applied": 0,
        "duplicates": 0,
        "unknown": 1,
        "ignored": 0,
        "not_understood": 0,
    }


def test_an_event_that_means_nothing_is_answered_and_counted(client):
    answer = post(client, "mailjet", senders.with_secret([{"event": "open"}, {"event": "new"}]))
    assert answer.json == counts(ignored=1, not_understood=1)


@pytest.mark.parametrize(
    ("provider", "made", "status", "name"),
    [
        ("postmark", senders.request("{}"), 401, "not-authentic"),
        ("sendgrid", senders.request("[]"), 401, "not-authentic"),
        ("ses", senders.request('{"Type": "Notification"}'), 401, "not-authentic"),
        ("postmark", senders.with_secret("{"), 400, "not-understood"),
        ("postmark", senders.with_secret("[" * 100_000), 400, "not-understood"),
        ("ses", senders.request("{"), 400, "not-understood"),
        ("mailpit", senders.with_secret("{}"), 404, "not-found"),
        ("no%00body", senders.with_secret("{}"), 404, "not-found"),
    ],
)
def test_what_does_not_get_in_is_a_problem(client, provider, made, status, name):
    answer = post(client, provider, made)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["type"] == f"urn:newsflash:problem:{name}"
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


def test_without_a_secret_the_answer_says_so(database_url, tmp_path):
    with running_app(make_settings(database_url, tmp_path)) as app:
        answer = post(app.test_client(), "postmark", senders.with_secret("{}"))
    assert answer.status_code == 401
    assert "NEWSFLASH_WEBHOOK_SECRET_POSTMARK" in answer.json["detail"]


def test_a_certificate_out_of_reach_asks_for_another_try(app, client, monkeypatch):
    def get(url):
        raise UnavailableError("ConnectTimeout")

    parse = EventParsers(SECRETS, get=get)
    monkeypatch.setattr(services_of(app).feedback, "_parse", parse)
    answer = post(client, "ses", senders.ses(HARD_BOUNCES["ses"]))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("length", "status"), [(MAX_EVENTS_BYTES, 200), (MAX_EVENTS_BYTES + 1, 413)]
)
def test_a_body_may_have_a_megabyte(client, length, status):
    body = '[{"event":"open"}]'
    made = senders.with_secret(body + " " * (length - len(body)))
    assert post(client, "mailjet", made).status_code == status


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_only_post_reports(client, method):
    assert getattr(client, method)("/v1/events/postmark").status_code == 405


def test_no_address_and_no_secret_gets_into_the_log(client, message_id, capfd):
    capfd.readouterr()
    post(client, "postmark", bounce("postmark", message_id))
    post(client, "postmark", senders.request('{"Email": "reader@example.org"}'))
    post(client, "postmark", senders.with_secret('reader@example.org"'))
    written = capfd.readouterr()
    for word in ("reader@example.org", senders.SECRET):
        assert word not in written.err + written.out
