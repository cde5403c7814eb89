"""How a worker hears of mail: at once, from whichever process owes it, and again after a fault."""

import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from service.store.delivery import signal
from service.store.delivery.signal import MailSignal, MailWaiter
from tests.scenario import Scenario

LONG, SOON = 20.0, 5.0


@pytest.fixture
def waiter(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailWaiter]:
    """A waiter that would be seen to connect anew: that takes it longer than anything here."""
    monkeypatch.setattr(signal, "RECONNECT_SECONDS", LONG)
    made = MailWaiter(engine)
    made.wait(LONG, is_over=lambda: False)  # connects, and hears nothing of what was before
    yield made
    made.close()


def waited(waiter: MailWaiter, seconds: float, stop: threading.Event | None = None) -> float:
    began = time.monotonic()
    waiter.wait(seconds, is_over=(stop or threading.Event()).is_set)
    return time.monotonic() - began


def test_a_signup_wakes_whoever_waits(scenario: Scenario, waiter: MailWaiter):
    signup = threading.Timer(0.2, scenario.sign_up)
    signup.start()
    assert waited(waiter, LONG) < SOON
    signup.join()


def test_a_signup_before_the_wait_is_heard_too(scenario: Scenario, waiter: MailWaiter):
    for number in range(3):
        scenario.sign_up(f"p{number}@example.org")
        assert waited(waiter, LONG) < SOON


def test_a_quiet_wait_takes_as_long_as_it_was_asked_for(waiter: MailWaiter):
    assert 0.3 <= waited(waiter, 0.3) < SOON
    assert waiter._connection is not None


def test_a_wait_ends_when_told_to_stop(waiter: MailWaiter):
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    assert waited(waiter, LONG, stop) < SOON


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_lost_connection_is_made_anew(
    scenario: Scenario, engine: Engine, waiter: MailWaiter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(signal, "RECONNECT_SECONDS", 0.01)
    pid = waiter._driver.info.backend_pid
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    waited(waiter, LONG)  # notices
    waited(waiter, LONG)  # connects
    scenario.sign_up()
    assert waited(waiter, LONG) < SOON


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_many_signals_are_few_notices(engine: Engine, waiter: MailWaiter):
    sender = MailSignal(engine)
    for _ in range(1000):
        sender()
    assert waited(waiter, LONG) < SOON
    sender.close()
    heard = sum(waiter._heard(0.05) for _ in range(20))
    assert heard <= 3
