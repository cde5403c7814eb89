"""`newsflash db upgrade` while a transaction of somebody else keeps a table locked."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, text

from service.cli import application
from tests.cli.conftest import Run
from tests.migrating import downgrade


@pytest.fixture
def reader(app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A transaction that stays open on a table that the next migration changes."""
    if engine.dialect.name != "postgresql":
        pytest.skip("in SQLite a reader keeps no writer waiting")
    monkeypatch.setattr(application, "LOCK_TIMEOUT_MS", 50)
    downgrade(engine, "0008")
    with engine.connect() as connection:
        connection.execute(text("SELECT count(*) FROM outbox_messages"))
        yield connection


def test_it_says_what_stands_in_the_way_after_some_tries(
    reader: Connection, run: Run, monkeypatch: pytest.MonkeyPatch
):
    pauses: list[float] = []
    monkeypatch.setattr(application, "time", SimpleNamespace(sleep=pauses.append))
    result = run("db", "upgrade")
    assert result.exit_code == 1
    assert result.output.startswith("Error: The database is in use: ")
    assert len(result.output.splitlines()) == 1
    assert pauses == [application.PAUSE_SECONDS] * (application.LOCK_TRIES - 1)
    reader.rollback()
    assert run("db", "upgrade").exit_code == 0


def test_it_goes_on_once_the_transaction_is_over(
    reader: Connection, run: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        application, "time", SimpleNamespace(sleep=lambda _seconds: reader.rollback())
    )
    assert run("db", "upgrade").exit_code == 0
    assert run("db", "check").exit_code == 0
