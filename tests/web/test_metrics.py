"""Prometheus reads the figures; nobody else does."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, update
from sqlalchemy.engine import URL

from service.clock import utc_now
from service.config import Settings
from service.domain.consent import Evidence
from service.domain.delivery.breaker import BreakerState
from service.domain.delivery.retry import SendOutcome
from service.domain.errors import InvalidInputError
from service.domain.signup.risk import TRAPPED
from service.log import Sometimes
from service.services import Services
from service.store.database import reading
from service.store.delivery import activity, outbox_admin, sender_pauses
from service.store.tables.ledger import LedgerHead
from service.usecases.signup.subscribe import SignupRequest
from service.web.http import refusals
from tests.conftest import make_settings, running_app

Delta = Callable[[], Mapping[tuple[str, ...], float]]
HERE = {"base_url": "http://127.0.0.1:8000"}


@pytest.fixture
def settings(database_url: URL, tmp_path: Path) -> Settings:
    """Settings with a mail API."""
    return make_settings(
        database_url, tmp_path, mail_urls=("postmark://token@default", "smtps://a:b@mail.test:465")
    )


def series(client: FlaskClient) -> Mapping[tuple[str, ...], float]:
    response = client.get("/metrics", **HERE)
    assert response.status_code == 200
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_queues_providers_and_subscriptions_are_shown(
    client: FlaskClient, services: Services, engine: Engine
) -> None:
    services.subscribe(SignupRequest(email="a@example.org", lists=(), evidence=Evidence()))
    for more in (3, 4):
        with engine.begin() as connection:
            activity.record(
                connection,
                "postmark",
                {SendOutcome.ACCEPTED: more, SendOutcome.UNKNOWN: 1},
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
    assert found["newsflash_outbox_messages", "failed"] == 0
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
    client: FlaskClient, services: Services, headers: dict[str, str], remote: str, host: str
) -> None:
    environ = {"REMOTE_ADDR": remote}
    base = f"http://{host}"

    def ask(**more: str) -> int:
        given = {**headers, **more}
        return client.get(
            "/metrics", headers=given, environ_base=environ, base_url=base
        ).status_code

    assert ask() == 401
    signup = services.keys.create("signup", "signup", actor="test")
    admin = services.keys.create("admin", "admin", actor="test")
    assert ask(Authorization=f"Bearer {signup}") == 403
    assert ask(Authorization=f"Bearer {admin}") == 200


@pytest.mark.parametrize(
    ("role", "paths"),
    [
        ("metrics", {"/metrics": 200, "/v1/stats": 403, "/v1/subscribers": 403, "/v1/keys": 403}),
        ("admin", {"/metrics": 200, "/v1/stats": 200}),
        ("export", {"/metrics": 403}),
        ("signup", {"/metrics": 403}),
    ],
)
def test_a_key_for_metrics_reads_them_and_nothing_else(
    client: FlaskClient, services: Services, role: str, paths: dict[str, int]
) -> None:
    headers = {"Authorization": f"Bearer {services.keys.create('k', role, actor='test')}"}
    far = {"REMOTE_ADDR": "192.0.2.1"}
    for path, status in paths.items():
        assert client.get(path, headers=headers, environ_base=far).status_code == status, path


def test_a_key_for_metrics_signs_nobody_up_and_in(client: FlaskClient, services: Services) -> None:
    key = services.keys.create("k", "metrics", actor="test")
    headers = {"Authorization": f"Bearer {key}"}
    signup = {"email": "a@example.org"}
    assert client.post("/v1/subscriptions", json=signup, headers=headers).status_code == 403
    assert client.post("/admin/sign-in", data={"key": key}).status_code != 303
    with pytest.raises(InvalidInputError):
        services.keys.create("of-a-list", "metrics", actor="test", lists=("news-flash",))


def test_a_provider_taken_out_of_mail_url_leaves_its_series(
    client: FlaskClient, engine: Engine
) -> None:
    with engine.begin() as connection:
        for name in ("postmark", "smtp", "resend"):
            counts = {SendOutcome.ACCEPTED: 1}
            closed, now = BreakerState.CLOSED, utc_now()
            activity.record(connection, name, counts, closed, None, error=None, now=now)
    shown = {key[-1] for key in series(client) if key[0] == "newsflash_provider_attempts_total"}
    assert shown == {"postmark", "smtp"}


def test_the_ledger_is_watched(client: FlaskClient, services: Services, engine: Engine) -> None:
    services.subscribe(SignupRequest(email="a@example.org", lists=(), evidence=Evidence()))
    before = series(client)
    assert before["newsflash_ledger_unsealed",] > 0
    assert before["newsflash_ledger_broken",] == 0
    Services(services.settings, engine).seal_ledger.run_once()
    sealed = series(client)
    assert (sealed["newsflash_ledger_unsealed",], sealed["newsflash_ledger_broken",]) == (0, 0)
    with engine.begin() as connection:
        connection.execute(update(LedgerHead).values(entry_hash="0" * 64))
    assert series(client)["newsflash_ledger_broken",] == 1


def test_withheld_signups_are_counted_for_a_day(
    client: FlaskClient, services: Services, engine: Engine
) -> None:
    for _ in range(3):
        services.subscribe(SignupRequest(email="a@example.org", lists=(), evidence=Evidence()))
    assert series(client)["newsflash_signups_withheld",] == 2
    with reading(engine) as connection:
        assert outbox_admin.withheld_since(connection, utc_now() + timedelta(seconds=1)) == 0


@pytest.fixture
def since(client: FlaskClient) -> Delta:
    """What has been added to the process's numbers since the test began."""
    before = series(client)
    return lambda: {name: value - before.get(name, 0) for name, value in series(client).items()}


def test_requests_are_counted_by_kind_and_class_of_status(
    client: FlaskClient, since: Delta
) -> None:
    client.post("/v1/subscriptions", json={"email": "a@example.org"}).close()
    client.post("/v1/subscriptions", json={"email": "none"}).close()
    client.get("/").close()
    client.get("/confirm/nothing").close()
    client.get("/nowhere").close()
    client.get("/v1/stats").close()
    client.get("/admin").close()
    found = since()
    for group, status in (
        ("signup", "2xx"),
        ("signup", "4xx"),
        ("pages", "2xx"),
        ("links", "4xx"),
        ("unknown", "4xx"),
        ("api", "4xx"),
        ("admin", "3xx"),
    ):
        assert found["newsflash_requests_total", group, status] == 1, group
    assert found["newsflash_request_duration_seconds_count", "signup"] == 2
    assert found["newsflash_request_duration_seconds_bucket", "signup", "+Inf"] == 2
    assert found["newsflash_request_duration_seconds_sum", "signup"] > 0


def test_signups_are_counted_by_how_they_were_answered(
    settings: Settings, since: Delta, services: Services
) -> None:
    services.subscribe(SignupRequest(email="a@example.org", lists=(), evidence=Evidence()))
    services.subscribe(
        SignupRequest(email="b@example.org", lists=(), evidence=Evidence()), risk=TRAPPED
    )
    changed = replace(settings, ratelimit_enabled=True, ratelimit_client=((1, 86_400),))
    with running_app(changed) as limited:
        for number in range(3):
            email = {"email": f"c{number}@example.org"}
            limited.test_client().post("/v1/subscriptions", json=email)
    found = since()
    assert found["newsflash_signups_total", "held"] == 1
    assert found["newsflash_signups_total", "limited"] == 2
    assert found["newsflash_signups_total", "taken"] == 2
    assert found["newsflash_requests_refused_total", "limit"] == 2


def test_refused_hosts_and_events_are_counted_and_logged_without_addresses(
    client: FlaskClient, since: Delta, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(refusals, "_refused", Sometimes("requests refused"))
    capsys.readouterr()
    far = {"REMOTE_ADDR": "192.0.2.77"}
    for _ in range(20):
        client.get("/", base_url="http://attacker.example", environ_base=far)
        client.post("/v1/events/postmark", json={}, environ_base=far)
    client.post("/v1/events/nobody", json={}, environ_base=far)
    found = since()
    assert found["newsflash_requests_refused_total", "host"] == 20
    assert found["newsflash_requests_refused_total", "signature"] == 20
    text = capsys.readouterr().err
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["kind"] for line in lines if line["event"] == "requests refused"] == [
        "host",
        "signature postmark",
    ]
    assert len(lines) <= 4
    assert "192.0.2.77" not in text
    assert "attacker" not in text


def test_the_version_and_the_pool_are_shown(client: FlaskClient) -> None:
    found = series(client)
    assert found["newsflash_build_info", version("newsflash")] == 1
    assert found["newsflash_database_connections_max",] >= 1
    assert found["newsflash_database_connections_used",] == 0
    assert found["newsflash_redis_fallback",] in (0, 1)


def test_behind_a_trusted_proxy_a_forged_origin_does_not_help(
    app: Flask, services: Services
) -> None:
    settings = services.settings
    changed = make_settings(settings.database_url, settings.data_dir, trusted_proxies=1)
    headers = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost"}
    with running_app(changed) as behind:
        answer = behind.test_client().get("/metrics", headers=headers, **HERE)
    assert answer.status_code == 401


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "[::1]"])
def test_this_machine_needs_no_key(client: FlaskClient, host: str) -> None:
    assert client.get("/metrics", base_url=f"http://{host}").status_code == 200
