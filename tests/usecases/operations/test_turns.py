"""Jobs that write for long leave SQLite to others after each of their transactions."""

import io
import sqlite3
import time
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from sqlalchemy import Engine

from service.domain.files.exchange import FileFormat
from service.services import Services
from service.store import turns
from service.usecases.files import import_subscribers
from service.usecases.ledger.seal import SealLedger
from service.usecases.operations import count_acts
from service.usecases.people.retention import PEOPLE_PIECE, Retention, RetentionRules
from tests.plans import grow
from tests.scenario import NOON, Scenario

PEOPLE = 30
PIECE = 10
RULES = RetentionRules(unconfirmed_days=30, ended_days=0, mail_days=0)


@pytest.fixture
def pauses(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect the pauses in seconds. On SQLite somebody else takes the lock in each, at once."""
    taken: list[float] = []

    def pause(seconds: float) -> None:
        if engine.dialect.name == "sqlite":
            other = sqlite3.connect(str(engine.url.database), timeout=0, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            other.close()
        taken.append(seconds)

    monkeypatch.setattr(turns, "time", SimpleNamespace(sleep=pause, monotonic=time.monotonic))
    return taken


def seal(scenario: Scenario, engine: Engine) -> None:
    grow(scenario, PEOPLE - 1, name="new")  # the last batch is not full
    services = Services(scenario.services.settings, engine)
    sealer = services.seal_ledger
    few = SealLedger(engine, signer=sealer._signer, texts=sealer._texts, batch=PIECE)
    assert few.run_once() == PEOPLE - 1


def count(scenario: Scenario, engine: Engine) -> None:
    grow(scenario, PEOPLE, name="new")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turns, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: 0))
        assert Services(scenario.services.settings, engine).seal_ledger.run_once() == PEOPLE
    while count_acts.count_acts(engine):
        pass


def import_file(scenario: Scenario, engine: Engine) -> None:
    lines = "".join(f"p{number}@example.org\n" for number in range(PEOPLE))
    report = Services(scenario.services.settings, engine).import_(
        io.BytesIO(f"email\n{lines}".encode()), format=FileFormat.CSV, actor="test"
    )
    assert report.imported == PEOPLE


def forget(scenario: Scenario, engine: Engine) -> None:
    with time_machine.travel(NOON, tick=False):
        grow(scenario, PEOPLE, name="old")
    retention = Retention(engine, rules=RULES, address_hash_key=b"x" * 32)
    with time_machine.travel(NOON + timedelta(days=400), tick=False):
        assert retention.run(actor="test").unconfirmed == PEOPLE


@pytest.mark.parametrize(
    ("job", "may_wait"), [(seal, False), (count, False), (import_file, False), (forget, True)]
)
def test_others_write_after_each_transaction_of_a_long_job(
    scenario: Scenario,
    engine: Engine,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
    job: Callable[[Scenario, Engine], None],
    may_wait: bool,
):
    assert PIECE == PEOPLE_PIECE
    monkeypatch.setattr(import_subscribers, "CHUNK_ROWS", PIECE)
    monkeypatch.setattr(count_acts, "BATCH", PIECE)
    job(scenario, engine)
    is_sqlite = engine.dialect.name == "sqlite"
    assert len(pauses) == (PEOPLE // PIECE if is_sqlite or may_wait else 0)
    if is_sqlite:
        assert min(pauses) >= turns.LEAST_SECONDS


def test_a_pause_is_as_long_as_its_transaction_within_bounds(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    now = [0.0]
    found: list[float] = []
    clock = SimpleNamespace(sleep=found.append, monotonic=lambda: now[0])
    monkeypatch.setattr(turns, "time", clock)
    for took in (0.001, 0.05, 3.0):
        for may_wait in (False, True):
            with turns.one_turn(engine, may_wait=may_wait):
                now[0] += took
    sqlite = [0.02, 0.02, 0.05, 0.05, 0.1, 0.1]
    expected = sqlite if engine.dialect.name == "sqlite" else [0.001, 0.05, 3.0]
    assert found == pytest.approx(expected)


def test_a_transaction_that_fails_is_rolled_back_without_a_pause(
    scenario: Scenario, engine: Engine, pauses: list[float]
):
    def fail() -> None:
        with turns.one_turn(engine) as connection:
            connection.exec_driver_sql("DELETE FROM mailing_lists")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert pauses == []
    assert scenario.list_id() is not None
