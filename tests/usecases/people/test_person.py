"""One person's data: all of it for them, and nothing of it once they are erased."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert, select, text

from service.services import Services
from service.store.tables.base import db
from service.store.tables.delivery import OutboxMessage, RecordedEvent
from service.store.tables.people import Subscriber
from service.store.tables.signup import HeldSignup
from service.store.types import new_id

EMAIL = "Ada.Lovelace@example.org"
KEY = "ada.lovelace@example.org"
NAME, ATTRIBUTE = "Ada Augusta", "difference-engine"
AT = datetime(2026, 3, 1, tzinfo=UTC)
SECRETS = (KEY, NAME.lower(), ATTRIBUTE, "203.0.113")


@pytest.fixture
def headers(services: Services) -> dict[str, str]:
    return {"Authorization": f"Bearer {services.keys.create('boss', 'admin', actor='test')}"}


@pytest.fixture
def person(client: FlaskClient, engine: Engine, headers: dict[str, str]) -> str:
    """Sign a person up, with a trace in every table that may hold one."""
    signed = client.post(
        "/v1/subscriptions",
        json={"email": EMAIL, "name": NAME, "attributes": {"machine": ATTRIBUTE}},
        headers={"Idempotency-Key": '"one-of-ada"'},
        environ_overrides={"REMOTE_ADDR": "203.0.113.7"},
    )
    assert signed.status_code == 202
    client.post(
        "/v1/suppressions", json={"email": EMAIL, "note": f"asked by {NAME}"}, headers=headers
    )
    with engine.begin() as connection:
        subscriber_id = connection.scalar(select(Subscriber.id))
        message_id = connection.scalar(select(OutboxMessage.id))
        connection.execute(
            text(
                "UPDATE outbox_messages SET last_error = :error, provider = 'p',"
                " provider_message_id = 'm-1'"
            ),
            {"error": f"no mailbox {EMAIL}"},
        )
        for name, message in (("seen", message_id), ("waiting", None)):
            connection.execute(
                insert(RecordedEvent).values(
                    provider="p",
                    event_id=name,
                    kind="bounced",
                    at=AT,
                    received_at=AT,
                    message_id=message,
                    provider_message_id="m-1",
                    detail=f"550 no mailbox {EMAIL}",
                )
            )
        connection.execute(
            insert(HeldSignup).values(
                id=new_id(),
                email=EMAIL,
                email_key=KEY,
                lists=[],
                name=NAME,
                attributes={"machine": ATTRIBUTE},
                ip="203.0.113.7",
                score=90,
                reasons=["trap"],
                created_at=AT,
            )
        )
    return str(subscriber_id)


def dump(engine: Engine) -> dict[str, str]:
    """Return every table's rows as one text each."""
    with engine.connect() as connection:
        return {
            name: json.dumps(
                [list(row) for row in connection.execute(select(table))], default=str
            ).lower()
            for name, table in db.metadata.tables.items()
        }


def test_a_persons_data_is_one_file_with_all_of_it(
    client: FlaskClient, person: str, headers: dict[str, str]
):
    answer = client.get(f"/v1/subscribers/{person}/data", headers=headers)
    data: Any = json.loads(answer.text)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    assert (data["email"], data["name"]) == (EMAIL, NAME)
    assert data["attributes"] == {"machine": ATTRIBUTE}
    assert [each["kind"] for each in data["consent_events"]] == ["requested"]
    assert data["subscriptions"][0]["list"] == "news-flash"
    assert len(data["mails"]) == 1
    assert len(data["mail_events"]) == 2
    assert data["held_signups"][0]["ip"] == "203.0.113.7"
    assert data["suppressed_for"] == ["manual"]
    audit: Any = json.loads(client.get("/v1/audit?limit=1", headers=headers).text)
    entry = audit["entries"][0]
    assert (entry["action"], entry["target"]) == ("subscriber.data_given", person)
    missing = client.get(f"/v1/subscribers/{new_id()}/data", headers=headers)
    assert missing.status_code == 404


def test_no_table_knows_a_person_once_they_are_erased(
    client: FlaskClient, engine: Engine, person: str, headers: dict[str, str]
):
    before = dump(engine)
    holding = {name for name, rows in before.items() if any(each in rows for each in SECRETS)}
    assert holding == {
        "subscribers",
        "consent_events",
        "outbox_messages",
        "provider_events",
        "held_signups",
        "suppressions",
    }
    assert client.delete(f"/v1/subscribers/{person}", headers=headers).status_code == 204
    after = dump(engine)
    for name, rows in after.items():
        assert not [each for each in SECRETS if each in rows], name
    assert '"erased"' in after["suppressions"]
