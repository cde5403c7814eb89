"""When a provider may be called."""

from datetime import UTC, datetime, timedelta

import pytest

from service.domain.delivery.breaker import FIRST_PAUSE, MAX_PAUSE, Breaker, BreakerState

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_failure_opens_it_and_one_call_probes_after_the_pause() -> None:
    breaker = Breaker(8)
    breaker.fail(began_at=NOON, now=NOON)
    assert breaker.free_calls(NOON, 0) == 0
    later = NOON + FIRST_PAUSE
    assert breaker.state(later) is BreakerState.HALF_OPEN
    assert (breaker.free_calls(later, 0), breaker.free_calls(later, 1)) == (1, 0)
    breaker.succeed()
    assert breaker.state(later) is BreakerState.CLOSED
    assert breaker.free_calls(later, 0) == 5, "half of the calls, and one more with the success"


def test_calls_of_one_outage_count_once_and_probes_are_never_far_apart() -> None:
    breaker = Breaker(8)
    for _ in range(8):
        breaker.fail(began_at=NOON, now=NOON)
    assert breaker.open_until == NOON + FIRST_PAUSE
    at = NOON
    for _ in range(20):
        at = breaker.open_until
        breaker.fail(began_at=at, now=at)
        assert breaker.open_until - at <= MAX_PAUSE
    assert breaker.open_until == at + MAX_PAUSE


@pytest.mark.parametrize("asked", [timedelta(0), timedelta(minutes=5)])
def test_clock_that_is_set_back_opens_it_no_longer_than_a_new_failure_does(
    asked: timedelta,
) -> None:
    breaker = Breaker(8)
    breaker.fail(began_at=NOON, now=NOON, retry_after=asked)
    before = NOON - HOUR
    assert breaker.free_calls(before, 0) == 1
    breaker.fail(began_at=before, now=before)
    assert breaker.free_calls(before, 0) == 0
    assert breaker.free_calls(before + MAX_PAUSE, 0) == 1
