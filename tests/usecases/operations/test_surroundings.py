"""Doctor's look at Redis, proxies, secrets and the PostgreSQL server: each good and bad case."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from psycopg import sql
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.engine import URL, make_url

from service.counting import UNTRUSTED, numbers
from service.domain.finding import Finding, Level, ok
from service.services import Services
from service.store.database import open_engine, reading
from service.store.operations.server_look import ServerLook
from service.store.tables.operations import WriteProbe
from service.usecases.operations import secrets_at_rest, surroundings
from service.usecases.operations.doctor import Doctor
from tests.conftest import make_settings
from tests.postgres import libpq

LOOK = ServerLook(
    role="newsflash",
    database="newsflash",
    schema="public",
    may_create=True,
    foreign_tables=0,
    foreign_owner=None,
    is_encrypted=False,
)
FAR = "postgresql+psycopg://newsflash@db.example.org/newsflash"
HERE = "postgresql+psycopg://newsflash@127.0.0.1/newsflash"


def only(found: Iterator[Finding]) -> Finding | None:
    findings = list(found)
    assert len(findings) <= 1
    return findings[0] if findings else None


@pytest.mark.parametrize(
    ("database", "url", "problem", "level", "words"),
    [
        ("sqlite:///x.db", None, None, None, ""),
        (HERE, None, None, Level.WARNING, "not set"),
        (HERE, "redis://127.0.0.1:6379/0", None, Level.OK, "answers"),
        (FAR, "redis://redis:6379/0", None, Level.OK, "answers"),
        (FAR, "redis://127.0.0.1:6379/0", None, Level.WARNING, "use one Redis for all machines"),
        (FAR, "redis://redis:6379/0", "TimeoutError", Level.WARNING, "TimeoutError"),
    ],
)
def test_redis(
    tmp_path: Path,
    database: str,
    url: str | None,
    problem: str | None,
    level: Level | None,
    words: str,
):
    settings = make_settings(make_url(database), tmp_path, redis_url=url, ratelimit_enabled=True)
    finding = only(surroundings.redis(settings, lambda _url: problem))
    assert (finding and finding.level) == level
    assert finding is None or words in finding.detail


@pytest.mark.parametrize(
    ("secrets", "given", "failed"),
    [
        ({"postmark": "x" * 16}, {}, False),
        ({"postmark": "user:" + "x" * 16}, {}, False),
        ({"postmark": "x" * 15}, {}, True),
        ({"postmark": "a-long-user-name:short"}, {}, True),
        ({"ses": "arn:x"}, {}, False),
        ({}, {"NEWSFLASH_WEBHOOK_SECRET_POSTMARK": ""}, True),
        ({}, {"NEWSFLASH_WEBHOOK_SECRET_POSTMARK_FILE": "/empty"}, True),
    ],
)
def test_a_secret_for_events_is_long(
    tmp_path: Path, secrets: dict[str, str], given: dict[str, str], failed: bool
):
    settings = make_settings(make_url(HERE), tmp_path, webhook_secrets=secrets)
    finding = only(surroundings.event_secrets(settings, given))
    assert (finding is not None and finding.level is Level.FAILED) is failed
    assert finding is None or "short" not in finding.detail


@pytest.mark.parametrize(
    ("url", "hops", "level"),
    [
        ("https://news.example.org", 0, Level.WARNING),
        ("https://news.example.org", 1, Level.OK),
        ("http://127.0.0.1:8000", 0, None),
    ],
)
def test_https_takes_a_proxy_that_is_trusted(
    tmp_path: Path, url: str, hops: int, level: Level | None
):
    settings = make_settings(make_url(HERE), tmp_path, public_url=url, trusted_proxies=hops)
    finding = only(surroundings.proxies(settings))
    assert (finding and finding.level) == level


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        ({}, Level.OK, "used by role newsflash"),
        ({"schema": None, "may_create": False}, Level.FAILED, "has none"),
        ({"may_create": False}, Level.FAILED, "GRANT CREATE ON SCHEMA public TO newsflash"),
        ({"foreign_tables": 3, "foreign_owner": "old"}, Level.FAILED, "3 tables belong to old"),
    ],
)
def test_who_owns_the_schema(change: dict[str, Any], level: Level, words: str):
    finding = only(surroundings.server(make_url(HERE), replace(LOOK, **change)))
    assert finding is not None
    assert finding.level is level
    assert words in finding.detail


@pytest.mark.parametrize(
    ("url", "is_encrypted", "level"),
    [
        (HERE, False, None),
        ("postgresql+psycopg:///newsflash?host=/run/postgresql", False, None),
        (FAR, False, Level.WARNING),
        (FAR, True, Level.WARNING),
        (f"{FAR}?sslmode=prefer", True, Level.WARNING),
        (f"{FAR}?sslmode=require", True, Level.OK),
        (f"{FAR}?sslmode=verify-full", True, Level.OK),
    ],
)
def test_a_connection_to_another_machine_is_encrypted(
    url: str, is_encrypted: bool, level: Level | None
):
    found = list(surroundings.server(make_url(url), replace(LOOK, is_encrypted=is_encrypted)))[1:]
    assert [each.level for each in found] == ([] if level is None else [level])


def test_a_proxy_that_is_not_trusted_is_counted(client: FlaskClient):
    before = numbers.totals()[(UNTRUSTED,)]
    client.get("/healthz")
    assert numbers.totals()[(UNTRUSTED,)] == before
    client.get("/healthz", headers={"X-Forwarded-For": "192.0.2.1"})
    assert numbers.totals()[(UNTRUSTED,)] == before + 1


def test_a_secret_that_a_container_mounts_may_be_read_by_all_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(secrets_at_rest, "MOUNTED", (tmp_path,))
    file = tmp_path / "secret_key"
    file.touch()
    for mode, is_fine in ((0o444, True), (0o400, True), (0o644, False), (0o666, False)):
        file.chmod(mode)
        assert secrets_at_rest._is_mounted_secret(file, file.stat().st_mode) is is_fine


@pytest.fixture
def look(postgres_url: URL, tmp_path: Path, monkeypatch: Any) -> Iterator[Callable[[URL], Any]]:
    """Run the checks on a PostgreSQL database; return the findings by subject."""
    monkeypatch.chdir(tmp_path)
    engines: list[Engine] = []

    def check(url: URL) -> dict[str, Finding]:
        engine = open_engine(url)
        engines.append(engine)
        settings = make_settings(url, tmp_path)
        services = Services(settings, engine)
        checks = Doctor(
            settings,
            health=services.health,
            keys=services.database_keys,
            lists=services.lists,
            environment={},
            look_up=lambda _: [],
            ask_provider=lambda url: ok(f"provider {url}", "well"),
            engine=engine,
        )
        return {finding.subject: finding for finding in checks()}

    yield check
    for engine in engines:
        engine.dispose()


def test_doctor_writes_nothing_to_postgresql(look: Any, postgres_url: URL):
    found = look(postgres_url)
    assert found["database"].level is Level.OK
    assert found["schema"].level is Level.OK
    engine = create_engine(postgres_url)
    with reading(engine) as connection:
        assert connection.execute(select(WriteProbe.id)).all() == []
    engine.dispose()


def test_a_wrong_name_or_role_or_port_is_named(look: Any, postgres_url: URL):
    for url, words in (
        (postgres_url.set(database="there_is_none"), "there is no such database"),
        (postgres_url.set(username="there_is_none"), "there is no such role"),
        (postgres_url.set(port=1), "nothing listens there"),
    ):
        finding = look(url)["database"]
        assert finding.level is Level.FAILED
        assert words in finding.detail
        assert "\n" not in finding.detail


def test_tables_of_another_role_are_named(look: Any, postgres_url: URL):
    role = f"newsflash_other_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(libpq(postgres_url), autocommit=True) as admin:
        name = sql.Identifier(role)
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        try:
            admin.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(name))
            finding = look(postgres_url.set(username=role))["schema"]
        finally:
            admin.execute(sql.SQL("DROP OWNED BY {}").format(name))
            admin.execute(sql.SQL("DROP ROLE {}").format(name))
    assert finding.level is Level.FAILED
    assert "belong to postgres" in finding.detail
