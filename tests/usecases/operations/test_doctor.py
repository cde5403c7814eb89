"""One line a check, what to change, and no secret."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, create_engine, update
from sqlalchemy.engine import make_url

from service.cli import main
from service.clock import utc_now
from service.config import Settings
from service.domain.consent import Evidence
from service.domain.delivery.breaker import BreakerState
from service.domain.finding import Finding, Level, ok
from service.services import Services
from service.store.delivery import activity, sender_pauses
from service.store.tables.delivery import OutboxMessage
from service.store.tables.lists import MailingList
from service.usecases.lists.lists import Lists
from service.usecases.operations.database_keys import DatabaseKeys
from service.usecases.operations.doctor import Doctor
from service.usecases.operations.health import Health
from service.usecases.operations.metrics import Metrics
from service.usecases.signup.subscribe import SignupRequest
from tests.clocks import database_ahead
from tests.conftest import make_settings

Look = Callable[..., dict[str, Finding]]


@pytest.fixture
def look(
    services: Services, settings: Settings, engine: Engine, tmp_path: Path, monkeypatch: Any
) -> Look:
    """Make the checks with some settings changed; return the findings by subject."""
    monkeypatch.chdir(tmp_path)

    def check(environment: dict[str, str] | None = None, **changes: Any) -> dict[str, Finding]:
        changed = make_settings(settings.database_url, settings.data_dir, **changes)
        doctor = Doctor(
            changed,
            health=services.health,
            keys=services.database_keys,
            lists=services.lists,
            environment=environment or {},
            look_up=lambda _: [],
            ask_provider=lambda url: ok(f"provider {url.split(':')[0]}", "credentials are valid"),
            metrics=Metrics(engine, mail_urls=changed.mail_urls),
        )
        return {finding.subject: finding for finding in doctor()}

    return check


def test_the_embedded_default_is_well(look: Look) -> None:
    found = look()
    assert {finding.level for finding in found.values()} == {Level.OK}
    assert {"database", "migrations", "provider mailbox"} <= found.keys()


def test_what_delivery_was_refused_is_named(look: Look, engine: Engine) -> None:
    now = utc_now()
    with engine.begin() as connection:
        sender_pauses.refuse(
            connection,
            "postmark",
            "news@example.org",
            error="postmark_400",
            began_at=now,
            now=now,
        )
        for name in ("postmark", "resend"):
            activity.record(connection, name, {}, BreakerState.OPEN, now, error="http_401", now=now)
    found = look(mail_urls=("postmark://token@default",), public_url="https://news.example.org")
    assert found["sender news@example.org"].level is Level.FAILED
    assert "postmark refuses it (postmark_400)" in found["sender news@example.org"].detail
    assert "http_401" in found["delivery by postmark"].detail
    assert "delivery by resend" not in found


@pytest.mark.parametrize(
    ("url", "mail", "level"),
    [
        ("https://news.example.org", "postmark://k@default", Level.OK),
        ("http://news.example.org", "mailbox:", Level.FAILED),
        ("http://127.0.0.1:8000", "mailbox:", Level.OK),
        ("http://localhost:8000", "postmark://k@default", Level.FAILED),
    ],
)
def test_links_need_https(look: Look, url: str, mail: str, level: Level) -> None:
    assert look(public_url=url, mail_urls=(mail,))["PUBLIC_URL"].level is level


@pytest.mark.parametrize(
    ("url", "mail", "warns"),
    [
        ("https://news.example.org", ("mailbox:",), True),
        ("http://news.example.org", ("mailbox:",), True),
        ("https://news.example.org", ("postmark://k@default", "mailbox:"), True),
        ("https://news.example.org", ("mailpit://mail:8025",), True),
        ("https://news.example.org", ("postmark://k@default",), False),
        ("http://127.0.0.1:8000", ("mailbox:",), False),
    ],
)
def test_a_public_address_with_a_mailbox_that_nobody_reads_is_a_warning(
    look: Look, url: str, mail: tuple[str, ...], warns: bool
) -> None:
    found = look(public_url=url, mail_urls=mail, mail_from="N <n@example.org>")
    assert ("MAIL_URL" in found and found["MAIL_URL"].level is Level.WARNING) is warns


@pytest.mark.parametrize("key", ["a" * 40, "0123456789" * 4])
def test_a_regular_link_key_is_no_secret(look: Look, key: str) -> None:
    finding = look(secret_keys=(key,))["SECRET_KEY"]
    assert finding.level is Level.FAILED
    assert key not in finding.detail


@pytest.mark.parametrize(
    ("mode", "level"), [(0o600, Level.OK), (0o640, Level.WARNING), (0o644, Level.FAILED)]
)
def test_a_secret_file_is_its_owners_alone(
    look: Look, tmp_path: Path, mode: int, level: Level
) -> None:
    given = tmp_path / "given"
    for path in (tmp_path / "secret_key", given):
        path.write_text("s3cret")
        path.chmod(mode)
    found = look({"NEWSFLASH_MAIL_URL_FILE": str(given)})
    assert found[f"file {tmp_path / 'secret_key'}"].level is level
    assert found[f"file {given}"].level is level


def test_the_embedded_database_and_mailbox_are_their_owners_alone(
    look: Look, settings: Settings, tmp_path: Path
) -> None:
    if not settings.is_sqlite:
        pytest.skip("PostgreSQL keeps its own files")
    (tmp_path / "mailbox").mkdir()
    (tmp_path / "mailbox").chmod(0o755)
    (tmp_path / "newsflash.db").chmod(0o644)
    found = look()
    for name, fix in (("newsflash.db", "chmod 600"), ("mailbox", "chmod 700")):
        finding = found[f"file {tmp_path / name}"]
        assert finding.level is Level.FAILED
        assert fix in finding.detail


def test_events_without_a_secret_go_unheard(look: Look) -> None:
    found = look(mail_urls=("postmark://k@default", "smtp://mx"), mail_from="N <n@example.org>")
    assert found["events of postmark"].level is Level.WARNING
    assert "events of smtp" not in found
    told = look(mail_urls=("postmark://k@default",), webhook_secrets={"postmark": "s"})
    assert "events of postmark" not in told


def test_every_senders_domain_is_looked_at(look: Look, services: Services) -> None:
    services.lists.update("news-flash", {"sender": "L <l@lists.example>"}, actor="test")
    found = look(mail_urls=("postmark://k@default",), mail_from="N <n@example.org>")
    assert {"DMARC of example.org", "DMARC of lists.example"} <= found.keys()
    assert look(mail_urls=("postmark://k@default",))["MAIL_FROM"].level is Level.FAILED


@pytest.mark.parametrize("mail", ["mailbox:", "postmark://k@default"])
def test_a_stored_sender_that_is_none_is_named(
    look: Look, services: Services, engine: Engine, mail: str
) -> None:
    with engine.begin() as connection:
        connection.execute(
            update(MailingList)
            .where(MailingList.slug == "news-flash")
            .values(sender="Name <n@example.org")
        )
    services.lists.create(slug="other", name="Other", sender="O <o@example.org>", actor="test")
    found = look(mail_urls=(mail,), mail_from="N <n@example.org>")
    assert found["sender of news-flash"].level is Level.FAILED
    assert "news@example.org" in found["sender of news-flash"].detail
    assert "sender of other" not in found


@pytest.mark.parametrize(
    ("name", "subject"), [("new.db", "migrations"), ("nowhere/new.db", "database")]
)
def test_a_database_that_is_not_migrated_or_not_there(
    tmp_path: Path, name: str, subject: str
) -> None:
    settings = make_settings(make_url(f"sqlite:///{tmp_path / name}"), tmp_path)
    if subject == "migrations":
        (tmp_path / name).touch()
    engine = create_engine(settings.database_url)
    keys = DatabaseKeys(engine, ())
    doctor = Doctor(
        settings,
        health=Health(engine, keys=keys, expected_revision="0001"),
        keys=keys,
        lists=Lists(engine),
        environment={},
    )
    found = {finding.subject: finding.level for finding in doctor()}
    engine.dispose()
    assert found[subject] is Level.FAILED


def test_the_command_prints_a_line_each_and_fails_where_a_check_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEWSFLASH_DATABASE_URL", f"sqlite:///{tmp_path}/newsflash.db")
    runner = CliRunner()
    before = runner.invoke(main, ["doctor"])
    assert before.exit_code == 1
    assert f"failed   database: there is none at {tmp_path}/newsflash.db: " in before.output
    assert list(tmp_path.iterdir()) == []
    assert runner.invoke(main, ["db", "upgrade"]).exit_code == 0
    after = runner.invoke(main, ["doctor"])
    assert after.exit_code == 0, after.output
    assert all(line.startswith(("ok ", "warning ")) for line in after.output.splitlines())
    secret = (tmp_path / "secret_key").read_text()
    assert secret not in after.output


@pytest.mark.parametrize(
    ("ahead", "level", "words"),
    [
        (0.0, Level.OK, "matches"),
        (1.5, Level.OK, "matches"),
        (60.0, Level.WARNING, "60 s behind the database's"),
        (-60.0, Level.WARNING, "60 s ahead of the database's"),
    ],
)
def test_a_clock_that_differs_from_the_databases_is_a_warning(
    look: Look, settings: Settings, ahead: float, level: Level, words: str
) -> None:
    with database_ahead(ahead):
        finding = look()["clock"]
    if settings.is_sqlite:  # one machine, one clock
        level, words = Level.OK, "matches"
    assert finding.level is level
    assert words in finding.detail


def test_failed_and_queued_emails_are_counted(look: Look, services: Services) -> None:
    assert look()["failed emails"].level is Level.OK
    assert "queued emails" not in look()
    for name in ("ada", "bob"):
        services.subscribe(
            SignupRequest(email=f"{name}@example.org", lists=(), evidence=Evidence())
        )
    assert look()["queued emails"].detail.startswith("2,")
    with services.outbox._engine.begin() as connection:
        connection.execute(update(OutboxMessage).values(status="failed"))
    finding = look()["failed emails"]
    assert finding.level is Level.FAILED
    assert finding.detail.startswith("2 emails")
