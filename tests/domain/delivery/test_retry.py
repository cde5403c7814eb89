"""What becomes of a message after an attempt: a table, and what holds for every row of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.delivery.retry import (
    EAGER_MAX_DELAY,
    EAGER_PERIOD,
    GIVE_UP_AFTER,
    MAX_DELAY,
    MISCONFIGURED_MAX_DELAY,
    Decision,
    MessageStatus,
    SendOutcome,
    decide,
)

CREATED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RETRIED = (SendOutcome.TEMPORARY, SendOutcome.UNKNOWN, SendOutcome.MISCONFIGURED)
SECOND = timedelta(seconds=1)

jitters = st.floats(0, 1, exclude_max=True)
attempts = st.integers(1, 10_000)
ages = st.timedeltas(timedelta(0), timedelta(days=30))


def after(
    outcome: SendOutcome,
    *,
    age: timedelta,
    attempt: int = 1,
    jitter: float = 0.5,
    **more: timedelta | None,
) -> Decision:
    return decide(
        outcome, attempt=attempt, created_at=CREATED, now=CREATED + age, jitter=jitter, **more
    )


@pytest.mark.parametrize(
    ("outcome", "age", "status", "spends"),
    [
        (SendOutcome.ACCEPTED, timedelta(0), MessageStatus.ACCEPTED, True),
        (SendOutcome.ACCEPTED, timedelta(days=9), MessageStatus.ACCEPTED, True),
        (SendOutcome.REJECTED, timedelta(0), MessageStatus.FAILED, True),
        (SendOutcome.REJECTED, timedelta(days=9), MessageStatus.FAILED, True),
        (SendOutcome.TEMPORARY, timedelta(0), MessageStatus.QUEUED, True),
        (SendOutcome.TEMPORARY, GIVE_UP_AFTER - SECOND, MessageStatus.QUEUED, True),
        (SendOutcome.TEMPORARY, GIVE_UP_AFTER, MessageStatus.FAILED, True),
        (SendOutcome.UNKNOWN, timedelta(0), MessageStatus.QUEUED, True),
        (SendOutcome.UNKNOWN, GIVE_UP_AFTER - SECOND, MessageStatus.QUEUED, True),
        (SendOutcome.UNKNOWN, GIVE_UP_AFTER, MessageStatus.FAILED, True),
        (SendOutcome.MISCONFIGURED, timedelta(0), MessageStatus.QUEUED, False),
        (SendOutcome.MISCONFIGURED, timedelta(days=300), MessageStatus.QUEUED, False),
    ],
)
def test_the_table(outcome: SendOutcome, age: timedelta, status: MessageStatus, spends: bool):
    decision = after(outcome, age=age)
    assert (decision.status, decision.spends_attempt) == (status, spends)
    assert (decision.next_attempt_at is not None) == (status is MessageStatus.QUEUED)


@pytest.mark.parametrize(
    ("age", "delay"),
    [
        (timedelta(0), 2 * SECOND),
        (20 * SECOND, 10 * SECOND),
        (timedelta(minutes=5), EAGER_MAX_DELAY),
        (timedelta(hours=5), MISCONFIGURED_MAX_DELAY),
    ],
)
def test_what_our_settings_keep_back_waits_longer_each_time(age: timedelta, delay: timedelta):
    decision = after(SendOutcome.MISCONFIGURED, age=age, jitter=0.0)
    assert decision.next_attempt_at == CREATED + age + delay / 2


def test_three_days_are_three_days():
    assert timedelta(days=3) <= GIVE_UP_AFTER
    assert timedelta(minutes=10) <= EAGER_PERIOD
    assert timedelta(seconds=30) >= EAGER_MAX_DELAY


@given(outcome=st.sampled_from(RETRIED), attempt=attempts, age=ages, jitter=jitters)
def test_a_retry_lies_ahead_and_never_far(
    outcome: SendOutcome, attempt: int, age: timedelta, jitter: float
):
    decision = after(outcome, age=age, attempt=attempt, jitter=jitter)
    if decision.status is not MessageStatus.QUEUED:
        assert age >= GIVE_UP_AFTER
        return
    assert decision.next_attempt_at is not None
    delay = decision.next_attempt_at - (CREATED + age)
    assert timedelta(seconds=1) <= delay <= MAX_DELAY
    if age < EAGER_PERIOD:
        assert delay <= EAGER_MAX_DELAY


@given(st.data())
def test_a_first_mail_is_tried_at_most_thirty_seconds_apart_for_ten_minutes(data: st.DataObject):
    age, attempt = timedelta(0), 1
    while age < timedelta(minutes=10):
        decision = after(
            SendOutcome.TEMPORARY,
            age=age,
            attempt=attempt,
            jitter=data.draw(jitters, label="jitter"),
        )
        assert decision.next_attempt_at is not None
        next_age = decision.next_attempt_at - CREATED
        assert next_age - age <= timedelta(seconds=30)
        age, attempt = next_age, attempt + 1
    assert attempt > 20


@pytest.mark.parametrize("jitter", [0.0, 0.999])
def test_a_message_that_is_never_taken_dies_after_three_days_and_few_tries(jitter: float):
    age, attempt = timedelta(0), 1
    while True:
        decision = after(SendOutcome.TEMPORARY, age=age, attempt=attempt, jitter=jitter)
        if decision.status is MessageStatus.FAILED:
            break
        assert decision.next_attempt_at is not None
        age, attempt = decision.next_attempt_at - CREATED, attempt + 1
    assert GIVE_UP_AFTER <= age <= GIVE_UP_AFTER + MAX_DELAY
    assert attempt < 250


def test_delays_grow_and_jitter_spreads_them():
    delays = [
        decision.next_attempt_at - CREATED
        for attempt in range(1, 6)
        if (
            decision := after(SendOutcome.TEMPORARY, age=timedelta(0), attempt=attempt)
        ).next_attempt_at
    ]
    assert delays == sorted(set(delays))
    early = after(SendOutcome.TEMPORARY, age=timedelta(0), attempt=5, jitter=0.0).next_attempt_at
    late = after(SendOutcome.TEMPORARY, age=timedelta(0), attempt=5, jitter=0.99).next_attempt_at
    assert early is not None
    assert late is not None
    assert late - CREATED > (early - CREATED) * 1.9


@given(
    wish=st.timedeltas(timedelta(0), MAX_DELAY),
    attempt=attempts,
    age=ages.filter(lambda age: age < GIVE_UP_AFTER),
    jitter=jitters,
)
def test_a_provider_is_left_alone_for_as_long_as_it_asks(
    wish: timedelta, attempt: int, age: timedelta, jitter: float
):
    decision = after(
        SendOutcome.TEMPORARY, age=age, attempt=attempt, jitter=jitter, retry_after=wish
    )
    assert decision.next_attempt_at is not None
    assert decision.next_attempt_at >= CREATED + age + wish
