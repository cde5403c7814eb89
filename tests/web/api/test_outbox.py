"""Operators see failed emails and have them sent again."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update

from service.clock import utc_now
from service.domain.consent import Evidence
from service.domain.delivery.retry import GIVE_UP_AFTER, MessageStatus, SendOutcome, decide
from service.services import Services
from service.store.delivery import claims
from service.store.tables.delivery import OutboxMessage
from service.usecases.signup.subscribe import SignupRequest


@pytest.fixture
def admin(client: FlaskClient, services: Services) -> FlaskClient:
    key = services.keys.create("admin", "admin", actor="test")
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


@pytest.fixture
def failed(services: Services, engine: Engine) -> list[UUID]:
    """Three failed emails, from four days ago, oldest first."""
    for number in range(3):
        services.subscribe(
            SignupRequest(email=f"p{number}@example.org", lists=(), evidence=Evidence())
        )
    with engine.begin() as connection:
        connection.execute(
            update(OutboxMessage).values(
                status="failed",
                created_at=utc_now() - timedelta(days=4),
                attempts=90,
                provider="postmark",
                last_error="postmark_300",
                settled_at=utc_now(),
            )
        )
        return list(connection.scalars(select(OutboxMessage.id).order_by(OutboxMessage.id)))


def test_failed_email_is_listed_newest_first_without_addresses(
    admin: FlaskClient, failed: list[UUID]
) -> None:
    first = admin.get("/v1/outbox?status=failed&limit=2").get_json()
    second = admin.get(
        "/v1/outbox", query_string={"status": "failed", "limit": 2, "cursor": first["next_cursor"]}
    ).get_json()
    found = first["messages"] + second["messages"]
    assert [each["id"] for each in found] == [str(id_) for id_ in reversed(failed)]
    assert second["next_cursor"] is None
    assert {key: found[0][key] for key in ("kind", "status", "lists", "attempts")} == {
        "kind": "confirm",
        "status": "failed",
        "lists": ["news-flash"],
        "attempts": 90,
    }
    assert (found[0]["provider"], found[0]["last_error"]) == ("postmark", "postmark_300")
    assert "@" not in str(found)


@pytest.mark.parametrize("query", ["status=lost", "limit=0", "limit=201", "cursor=x"])
def test_a_wrong_question_is_refused(admin: FlaskClient, query: str) -> None:
    assert admin.get(f"/v1/outbox?{query}").status_code == 422


def test_a_retried_mail_has_a_fresh_window(
    admin: FlaskClient, failed: list[UUID], engine: Engine
) -> None:
    response = admin.post(f"/v1/outbox/{failed[0]}/retry")
    assert response.status_code == 200
    shown = response.get_json()
    assert (shown["status"], shown["attempts"], shown["settled_at"]) == ("queued", 0, None)
    now = utc_now()
    with engine.begin() as connection:
        (batch,) = claims.claim_due(
            connection,
            provider="mailbox",
            batch_size=10,
            batches=1,
            now=now,
            lease_until=now + timedelta(seconds=30),
        )
    (message,) = batch.messages
    assert message.id == failed[0]
    assert now - message.created_at > GIVE_UP_AFTER
    assert message.window_start > now - timedelta(minutes=1)
    decision = decide(
        SendOutcome.TEMPORARY,
        attempt=message.attempt,
        created_at=message.window_start,
        now=now,
        jitter=0.0,
    )
    assert decision.status is MessageStatus.QUEUED


def test_the_former_name_of_the_state_is_refused(admin: FlaskClient) -> None:
    assert admin.get("/v1/outbox?status=dead").status_code == 422


def test_only_a_failed_email_is_retried(admin: FlaskClient, failed: list[UUID]) -> None:
    path = f"/v1/outbox/{failed[0]}/retry"
    assert admin.post(path).status_code == 200
    assert admin.post(path).status_code == 409
    assert admin.post(f"/v1/outbox/{uuid4()}/retry").status_code == 404


def test_a_confirmation_whose_link_is_too_old_stays_failed(
    admin: FlaskClient, failed: list[UUID], engine: Engine, services: Services
) -> None:
    with engine.begin() as connection:
        connection.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == failed[0])
            .values(created_at=utc_now() - timedelta(days=8))
        )
    response = admin.post(f"/v1/outbox/{failed[0]}/retry")
    assert response.status_code == 409
    assert "has expired" in response.get_json()["detail"]
    assert services.outbox.retry_all(actor="test") == 2
    assert services.outbox.retry_all(actor="test") == 0


def test_the_outbox_is_for_administrators(client: FlaskClient, services: Services) -> None:
    key = services.keys.create("export", "export", actor="test")
    for headers, status in (({}, 401), ({"Authorization": f"Bearer {key}"}, 403)):
        given: dict[str, Any] = {"headers": headers}
        assert client.get("/v1/outbox", **given).status_code == status
        assert client.post(f"/v1/outbox/{uuid4()}/retry", **given).status_code == status
