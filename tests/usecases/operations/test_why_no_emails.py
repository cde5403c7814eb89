"""Emails do not go out: whatever the cause, doctor, the overview and the log name it."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, update
from sqlalchemy.engine import URL

from service.clock import utc_now
from service.config import Settings
from service.domain.consent import Evidence
from service.domain.delivery.breaker import BreakerState
from service.domain.delivery.retry import SendOutcome
from service.domain.finding import Finding, Level, ok
from service.services import Services
from service.store.delivery import activity
from service.store.tables.delivery import OutboxMessage
from service.usecases.operations.causes import causes
from service.usecases.operations.doctor import Doctor
from service.usecases.operations.heartbeat import Heartbeat, shown_database
from service.usecases.operations.metrics import Metrics
from service.usecases.operations.watch import DeliveryWatch
from service.usecases.signup.subscribe import SignupRequest
from tests.conftest import make_settings
from tests.web.console.steps import Admin

PUBLIC = "http://127.0.0.1:8000"
Break = Callable[["Site"], None]


class Site:
    """An installation that shows how its emails fare."""

    def __init__(self, settings: Settings, engine: Engine, services: Services) -> None:
        self.settings = settings
        self.engine = engine
        self.services = services

    def enqueue(self, *, minutes: int = 0) -> None:
        """Owe an email since a while ago."""
        request = SignupRequest(email="a@example.org", lists=(), evidence=Evidence())
        self.services.subscribe(request)
        ago = utc_now() - timedelta(minutes=minutes)
        with self.engine.begin() as connection:
            connection.execute(update(OutboxMessage).values(created_at=ago, next_attempt_at=ago))

    def work(self, *, public_url: str = PUBLIC, **changes: Any) -> Heartbeat:
        """Have a worker with these settings show that it lives."""
        given = make_settings(
            self.settings.database_url,
            self.settings.data_dir,
            **{"mail_urls": self.settings.mail_urls, **changes},
        )
        worker = Heartbeat(
            self.engine, pool=Services(given, self.engine).provider_pool, public_url=public_url
        )
        worker.run()
        return worker

    def refuse(self, error: str, outcome: SendOutcome, state: BreakerState) -> None:
        """Have the provider answer so."""
        now = utc_now()
        with self.engine.begin() as connection:
            counts = {outcome: 1}
            activity.record(connection, "postmark", counts, state, now, error=error, now=now)

    @property
    def metrics(self) -> Metrics:
        return Metrics(self.engine, mail_urls=self.settings.mail_urls)

    def doctor(self) -> list[Finding]:
        found = Doctor(
            self.settings,
            health=self.services.health,
            keys=self.services.database_keys,
            lists=self.services.lists,
            environment={},
            look_up=lambda _: [],
            ask_provider=lambda url: ok(url.partition(":")[0], "taken"),
            metrics=self.metrics,
        )
        return list(found())


@pytest.fixture
def settings(database_url: URL, tmp_path: Path) -> Settings:
    """Settings of a site with a mail API."""
    return make_settings(
        database_url,
        tmp_path,
        public_url=PUBLIC,
        mail_urls=("postmark://token@default",),
        mail_from="News <news@example.org>",
    )


@pytest.fixture
def site(settings: Settings, engine: Engine, services: Services) -> Site:
    return Site(settings, engine, services)


def no_worker(site: Site) -> None:
    site.enqueue(minutes=5)


def worker_has_stopped(site: Site) -> None:
    site.work().end()
    site.enqueue(minutes=5)


def worker_without_mail_url(site: Site) -> None:
    site.work(mail_urls=("mailbox:",))


def other_public_url(site: Site) -> None:
    site.work(public_url="https://old.example.org")


def wrong_credentials(site: Site) -> None:
    site.work()
    site.refuse("http_401", SendOutcome.MISCONFIGURED, BreakerState.OPEN)


def hanging_api(site: Site) -> None:
    site.work()
    site.refuse("read_timeout", SendOutcome.UNKNOWN, BreakerState.OPEN)


def rejected_mail(site: Site) -> None:
    site.work()
    site.enqueue()
    with site.engine.begin() as connection:
        connection.execute(update(OutboxMessage).values(status="failed", last_error="postmark_300"))


def low_rate(site: Site) -> None:
    site.work(mail_urls=("postmark://token@default?rate=0.01",))
    site.enqueue(minutes=5)


def name_of(value: object) -> str:
    """Name a case; a function's address differs from process to process."""
    return str(getattr(value, "__name__", value))[:30]


CAUSES = [
    (no_worker, "no_worker", "No worker runs on this database"),
    (worker_has_stopped, "no_worker", "last seen on"),
    (worker_without_mail_url, "other_mail_url", "sends with mailbox, but MAIL_URL here is for"),
    (other_public_url, "other_public_url", "links that start with https://old.example.org"),
    (wrong_credentials, "provider_paused", "http_401: it rejects the credentials in MAIL_URL"),
    (hanging_api, "provider_paused", "read_timeout: it does not answer in time"),
    (rejected_mail, "failed", "1 emails failed, the newest with postmark_300"),
    (
        low_rate,
        "low_rate",
        "which ?rate= in MAIL_URL spreads over 2 minutes",
    ),
]


@pytest.mark.parametrize(("cause", "name", "text"), CAUSES, ids=name_of)
def test_the_cause_is_named_by_doctor_overview_and_log(
    site: Site,
    client: FlaskClient,
    services: Services,
    capsys: pytest.CaptureFixture[str],
    cause: Break,
    name: str,
    text: str,
) -> None:
    cause(site)
    failures = [each.detail for each in site.doctor() if each.level is Level.FAILED]
    assert any(text in each for each in failures), failures
    shown = Admin.sign_in(client, services).get("/admin")
    assert text in shown.replace("&#39;", "'")
    capsys.readouterr()
    DeliveryWatch(site.metrics, public_url=PUBLIC, providers=["postmark"]).look()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (line,) = [line for line in lines if line.get("cause") == name]
    assert line["level"] == "warning"
    assert text in line["text"]


def test_where_all_is_well_nothing_is_named(
    site: Site, client: FlaskClient, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    site.work()
    site.enqueue()
    assert list(causes(site.metrics(), public_url=PUBLIC, providers=["postmark"])) == []
    assert "runs on" in next(each for each in site.doctor() if each.subject == "worker").detail
    assert 'class="notice' not in Admin.sign_in(client, services).get("/admin")
    capsys.readouterr()
    DeliveryWatch(site.metrics, public_url=PUBLIC, providers=["postmark"]).look()
    assert capsys.readouterr().err == ""


def test_an_address_that_had_its_emails_is_named_and_logged_once(
    site: Site, client: FlaskClient, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    site.work()
    for _ in range(3):
        site.enqueue()
    (found,) = [each for each in site.doctor() if each.subject == "withheld emails"]
    assert found.level is Level.WARNING
    assert "2 signups of the last 24 hours got no email" in found.detail
    assert "2 signups of the last 24 hours" in Admin.sign_in(client, services).get("/admin")
    watch = DeliveryWatch(site.metrics, public_url=PUBLIC, providers=["postmark"])
    capsys.readouterr()
    watch.look()
    watch.look()
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert line["cause"] == "budget"


def test_a_worker_that_was_not_seen_for_long_counts_as_gone(site: Site) -> None:
    worker = site.work()
    (info,) = site.metrics().workers
    assert info.is_alive(info.seen_at + timedelta(seconds=59))
    assert not info.is_alive(info.seen_at + timedelta(seconds=60))
    worker.end()
    (info,) = site.metrics().workers
    assert not info.is_alive(info.seen_at)


def test_a_worker_has_one_row_and_notes_when_it_applied_retention(
    site: Site, client: FlaskClient
) -> None:
    worker = site.work()
    assert worker.noting_retention(lambda: 3)() == 3
    worker.run()
    site.work()
    found = site.metrics().workers
    assert len(found) == 2
    assert sum(each.retention_at is not None for each in found) == 1
    shown = client.get("/metrics", base_url="http://127.0.0.1").text
    assert "\nnewsflash_workers 2.0" in shown
    assert "\nnewsflash_worker_heartbeat_age_seconds " in shown
    assert "\nnewsflash_retention_age_seconds " in shown


def test_a_worker_says_at_its_start_what_it_runs_with(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    site.work(mail_urls=("mailbox:",)).log_start()
    started, stays = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (started["event"], started["providers"]) == ("worker started", ["mailbox"])
    assert started["public_url"] == PUBLIC
    assert site.settings.database_url.database in started["database"]
    assert stays["event"] == "emails stay here"


def test_a_database_is_shown_without_its_password() -> None:
    url = URL.create("postgresql+psycopg", "ann", "s3cret", "db.example", None, "news")
    assert shown_database(url) == "db.example:5432/news"
