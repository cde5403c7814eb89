"""Machines whose clocks differ share one time, that of the database, and mail nobody twice."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import Engine, select
from sqlalchemy.engine import URL

from service.clock import ClockCheck, clock_ahead, machine_now, utc_now
from service.domain.delivery.retry import BATCH_LEASE
from service.domain.signup.limits import Limit, Quota
from service.services import Services
from service.store.database import reading
from service.store.database_clock import shared_now
from service.store.signup.counters import MemoryCounters
from service.store.tables.delivery import OutboxBatch
from service.store.tables.ledger import ConsentEvent
from service.usecases.operations.health import Health
from tests.clocks import database_ahead, machine
from tests.fakes import FakeProvider
from tests.scenario import NOON, Scenario
from tests.usecases.delivery.test_deliver import make, run

SECOND = timedelta(seconds=1)
SKEWS = [-60, 0, 60]


@pytest.fixture
def database_url(postgres_url: URL) -> URL:
    """Only PostgreSQL has a clock of its own: SQLite is a file on this machine."""
    return postgres_url


def check(*, ahead: float, took: float = 0.0) -> ClockCheck:
    """A question that took so long to a database that answered half-way."""
    before = NOON + ahead * SECOND
    return ClockCheck(
        before=before, database=NOON + took / 2 * SECOND, after=before + took * SECOND
    )


@pytest.mark.parametrize(
    ("ahead", "took", "expected"),
    [(0, 0, 0), (0.2, 0, 0), (-0.2, 0, 0), (60, 0, 60), (-60, 0, -60), (60, 0.5, 60), (3, 8, 0)],
)
def test_a_difference_is_corrected_as_far_as_it_is_certain(
    ahead: float, took: float, expected: float
):
    assert check(ahead=ahead, took=took).ahead(known=0 * SECOND) == expected * SECOND


def test_a_correction_stays_while_answers_allow_it():
    known = 60 * SECOND
    assert check(ahead=60.2).ahead(known=known) == known
    assert check(ahead=57, took=8).ahead(known=known) == known
    assert check(ahead=61).ahead(known=known) == 61 * SECOND
    assert check(ahead=0.1).ahead(known=known) == 0 * SECOND


@pytest.mark.parametrize("skew", SKEWS)
def test_time_is_the_databases(engine: Engine, skew: float):
    before = datetime.now(UTC)
    with machine(skew, engine):
        now, ahead = utc_now(), clock_ahead()
        assert abs(machine_now() - now - skew * SECOND) < 5 * SECOND
    after = datetime.now(UTC)
    assert before - SECOND <= now <= after + SECOND
    assert abs(ahead - skew * SECOND) < 5 * SECOND


def test_a_clock_that_is_set_meanwhile_is_followed(engine: Engine):
    with database_ahead(60), engine.begin() as connection:
        assert shared_now(connection) - machine_now() > 59 * SECOND
    with database_ahead(-60), engine.begin() as connection:
        assert machine_now() - shared_now(connection) > 59 * SECOND
    with database_ahead(0), engine.begin() as connection:
        assert abs(shared_now(connection) - machine_now()) < SECOND


@pytest.mark.parametrize("key_life", [timedelta(0), timedelta(hours=24)])
@pytest.mark.parametrize("first", SKEWS)
@pytest.mark.parametrize("second", SKEWS)
def test_a_lease_lasts_as_long_for_every_machine(
    scenario: Scenario, first: float, second: float, key_life: timedelta
):
    scenario.sign_up()
    provider = FakeProvider(key_life=key_life)
    with machine(first, scenario.engine):
        holder = make(scenario, provider)
        (batch,) = holder.claim(calls=4)
    with machine(second, scenario.engine):
        other = make(scenario, provider)
        assert other.claim(calls=4) == []
        ((until,),) = scenario.rows(select(OutboxBatch.lease_until))
        assert timedelta(0) < until - utc_now() <= BATCH_LEASE
    with machine(first, scenario.engine):
        holder.deliver(batch)
    with machine(second, scenario.engine):
        assert run(other) == 0
    assert len(provider.calls) == 1
    assert [row.status for row in scenario.messages()] == ["accepted"]


def test_two_machines_whose_clocks_differ_mail_everybody_once(scenario: Scenario):
    people = [f"person{number}@example.org" for number in range(60)]
    for email in people:
        scenario.sign_up(email)
    provider = FakeProvider(batch_size=3)
    skews, claimed = (60, -60), []
    workers = [make(scenario, provider) for _ in skews]
    while True:
        turn = []
        for worker, skew in zip(workers, skews, strict=True):
            with machine(skew, scenario.engine):
                turn.append(worker.claim(calls=4))
        if not any(turn):
            break
        claimed += [batch for found in turn for batch in found]
        for worker, skew, found in zip(workers, skews, turn, strict=True):
            with machine(skew, scenario.engine), ThreadPoolExecutor(4) as pool:
                list(pool.map(worker.deliver, found))
    assert sorted(provider.recipients) == sorted(people)
    assert len({message.id for batch in claimed for message in batch.messages}) == len(people)


@pytest.mark.parametrize("skew", SKEWS)
def test_an_email_is_due_at_once_wherever_it_was_asked_for(scenario: Scenario, skew: float):
    with machine(skew, scenario.engine):
        scenario.sign_up()
    (message,) = scenario.messages()
    assert abs(message.created_at - datetime.now(UTC)) < 5 * SECOND
    with machine(-skew, scenario.engine):
        assert run(make(scenario, FakeProvider())) == 1


def test_a_link_works_as_long_as_it_says_on_every_machine(scenario: Scenario):
    with machine(-60, scenario.engine):
        scenario.sign_up()
    with machine(60, scenario.engine):
        scenario.confirm()
    row = scenario.subscription()
    assert row.status == "confirmed"
    (asked_at,), (confirmed_at,) = scenario.rows(select(ConsentEvent.at).order_by(ConsentEvent.id))
    assert asked_at <= confirmed_at
    assert abs(confirmed_at - datetime.now(UTC)) < 5 * SECOND


def test_a_difference_is_logged_once_and_shown(
    services: Services, capfd: pytest.CaptureFixture[str]
):
    health: Health = services.health
    with database_ahead(-60):
        for _ in range(3):
            ready = health()
        assert ready.is_ready
        assert ready.clock_ahead_seconds == pytest.approx(60, abs=1)
        assert services.metrics().clock_ahead_seconds == pytest.approx(60, abs=1)
    (entry,) = map(json.loads, capfd.readouterr().err.splitlines())
    assert (entry["level"], entry["event"]) == ("warning", "clock differs from the database's")
    assert entry["ahead_seconds"] == pytest.approx(60, abs=1)
    with database_ahead(0):
        assert health().clock_ahead_seconds == 0


def test_counters_of_all_machines_count_in_one_window(engine: Engine):
    quota = Quota(policy="client-60", key="a", limit=Limit(10, 60))
    with time_machine.travel(NOON, tick=False), database_ahead(20), reading(engine):
        (counted,) = MemoryCounters().count((quota,))
    assert counted.reset_seconds == 40
