"""Prometheus reads the figures; nobody else does."""

from collections.abc import Mapping

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.breaker import BreakerState
from service.domain.consent import Evidence
from service.domain.delivery import Outcome
from service.store import activity, sender_pauses
from service.usecases.subscribe import SignupRequest
from service.web.context import UseCases
from tests.conftest import make_settings

HERE = {"base_url": "http://127.0.0.1:8000"}


def series(client: FlaskClient) -> Mapping[tuple[str, ...], float]:
    response = client.get("/metrics", **HERE)
    assert response.status_code == 200
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_queues_providers_and_subscriptions_are_shown(
    client: FlaskClient, usecases: UseCases, engine: Engine
) -> None:
    usecases.subscribe(SignupRequest(email="a@example.org", lists=(), evidence=Evidence()))
    for more in (3, 4):
        with engine.begin() as connection:
            activity.record(
                connection,
                "postmark",
                {Outcome.ACCEPTED: more, Outcome.UNKNOWN: 1},
                BreakerState.OPEN,
                utc_now(),
                error="http_401",
                now=utc_now(),
            )
    with engine.begin() as connection:
        for name in ("a", "b"):
            sender_pauses.refuse(
                connection,
                "postmark",
                f"{name}@example.org",
                error="postmark_400",
                began_at=utc_now(),
                now=utc_now(),
            )
    found = series(client)
    assert found["newsflash_refused_senders", "postmark_400", "postmark"] == 2
    assert found["newsflash_outbox_messages", "queued"] == 1
    assert found["newsflash_outbox_messages", "dead"] == 0
    assert 0 < found["newsflash_oldest_due_mail_seconds",] < 60
    assert found["newsflash_provider_attempts_total", "accepted", "postmark"] == 7
    assert found["newsflash_provider_attempts_total", "unknown", "postmark"] == 2
    assert found["newsflash_provider_breaker", "postmark", "open"] == 1
    assert found["newsflash_provider_breaker", "postmark", "closed"] == 0
    assert found["newsflash_webhook_deliveries_queued",] == 0
    assert found["newsflash_subscriptions", "news-flash", "pending"] == 1


@pytest.mark.parametrize(
    ("headers", "remote", "host"),
    [
        ({}, "192.0.2.1", "127.0.0.1:8000"),
        ({}, "127.0.0.1", "news.example.org"),
        ({"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1", "127.0.0.1:8000"),
        ({"X-Real-IP": "192.0.2.1"}, "127.0.0.1", "localhost"),
        ({"Forwarded": "for=192.0.2.1"}, "127.0.0.1", "localhost"),
        ({"Via": "1.1 proxy"}, "127.0.0.1", "localhost"),
    ],
)
def test_from_elsewhere_it_takes_an_administrators_key(
    client: FlaskClient, usecases: UseCases, headers: dict[str, str], remote: str, host: str
) -> None:
    environ = {"REMOTE_ADDR": remote}
    base = f"http://{host}"

    def ask(**more: str) -> int:
        given = {**headers, **more}
        return client.get(
            "/metrics", headers=given, environ_base=environ, base_url=base
        ).status_code

    assert ask() == 401
    signup = usecases.keys.create("signup", "signup", actor="test")
    admin = usecases.keys.create("admin", "admin", actor="test")
    assert ask(Authorization=f"Bearer {signup}") == 403
    assert ask(Authorization=f"Bearer {admin}") == 200


def test_behind_a_trusted_proxy_a_forged_origin_does_not_help(
    app: Flask, usecases: UseCases
) -> None:
    from service.app import create_app

    settings = usecases.settings
    behind = create_app(
        make_settings(settings.database_url, settings.data_dir, trusted_proxies=1)
    ).test_client()
    headers = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost"}
    assert behind.get("/metrics", headers=headers, **HERE).status_code == 401


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "[::1]"])
def test_this_machine_needs_no_key(client: FlaskClient, host: str) -> None:
    assert client.get("/metrics", base_url=f"http://{host}").status_code == 200
