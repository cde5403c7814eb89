"""The outbox under workers: each message in one hand at a time; a lost lease writes nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import time_machine
from sqlalchemy import Engine, func, select

from service.domain.delivery.retry import MessageStatus
from service.store.delivery import claims, settlements, takeover
from service.store.delivery.claims import ClaimedBatch
from service.store.delivery.settlements import Settlement
from service.store.tables.delivery import OutboxBatch, OutboxMessage
from tests.scenario import ADA, NOON, Scenario

LEASE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)


def enqueue(scenario: Scenario, count: int) -> list[str]:
    emails = [f"p{number:03}@example.org" for number in range(count)]
    with time_machine.travel(NOON, tick=False):
        for email in emails:
            scenario.sign_up(email)
    return emails


def claim(
    engine: Engine,
    *,
    size: int = 10,
    count: int = 1,
    now: datetime = NOON,
    is_called: bool = True,
) -> list[ClaimedBatch]:
    with engine.begin() as connection:
        found = claims.claim_due(
            connection,
            provider="fake",
            batch_size=size,
            batches=count,
            now=now,
            lease_until=now + LEASE,
        )
        for batch in found if is_called else ():
            assert claims.begin_call(connection, batch, now=now)
    return found


def take_over(engine: Engine, now: datetime) -> ClaimedBatch | None:
    with engine.begin() as connection:
        return takeover.claim_stale(
            connection, providers=["fake"], now=now, lease_until=now + LEASE
        )


def accepted(batch: ClaimedBatch) -> list[Settlement]:
    return [
        Settlement(
            message_id=message.id,
            status=MessageStatus.ACCEPTED,
            next_attempt_at=NOON,
            provider="fake",
            attempts=message.attempt,
            provider_message_id="theirs",
        )
        for message in batch.messages
    ]


def settle(engine: Engine, batch: ClaimedBatch, *, retry_at: datetime | None = None) -> bool:
    with engine.begin() as connection:
        found = [] if retry_at else accepted(batch)
        return settlements.settle(connection, batch, found, retry_at=retry_at, now=NOON)


def statuses(scenario: Scenario) -> dict[str, int]:
    query = select(OutboxMessage.status, func.count().label("total")).group_by(OutboxMessage.status)
    return {str(row.status): int(row.total) for row in scenario.rows(query)}


def batch_rows(scenario: Scenario) -> int:
    count: int = scenario.rows(select(func.count()).select_from(OutboxBatch))[0][0]
    return count


def test_a_claim_fills_batches_and_marks_what_it_took(scenario: Scenario, engine: Engine):
    enqueue(scenario, 25)
    found = claim(engine, size=10, count=2)
    assert [len(batch.messages) for batch in found] == [10, 10]
    assert len({batch.id for batch in found}) == 2
    assert statuses(scenario) == {"sending": 20, "queued": 5}
    assert {message.attempt for batch in found for message in batch.messages} == {1}
    assert all(batch.lease_until == NOON + LEASE and not batch.is_retry for batch in found)
    assert [len(batch.messages) for batch in claim(engine, size=10, count=9)] == [5]
    assert claim(engine) == []


def test_the_longest_due_goes_first_and_what_is_not_due_stays(scenario: Scenario, engine: Engine):
    emails = enqueue(scenario, 3)
    ids = [scenario.messages(email)[0].id for email in emails]
    scenario.set_message(ids[0], next_attempt_at=NOON + SECOND)
    scenario.set_message(ids[2], next_attempt_at=NOON - SECOND)
    assert [each.id for each in claim(engine, size=1)[0].messages] == [ids[2]]
    assert [each.id for each in claim(engine, size=9)[0].messages] == [ids[1]]
    assert claim(engine, size=9) == []
    assert [each.id for each in claim(engine, now=NOON + SECOND)[0].messages] == [ids[0]]


def test_workers_that_claim_at_once_never_get_the_same_message(scenario: Scenario, engine: Engine):
    enqueue(scenario, 120)
    start = threading.Barrier(6)

    def work() -> list[object]:
        start.wait()
        mine: list[object] = []
        while found := claim(engine, size=4, count=2):
            assert sum(len(batch.messages) for batch in found) <= 8
            mine += [message.id for batch in found for message in batch.messages]
        return mine

    with ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(work) for _ in range(6)]
        taken = [id_ for future in futures for id_ in future.result(60)]
    assert len(taken) == len(set(taken)) == 120


def test_a_stale_batch_is_taken_over_as_the_same_batch(scenario: Scenario, engine: Engine):
    enqueue(scenario, 3)
    (batch,) = claim(engine)
    assert take_over(engine, NOON + LEASE - SECOND) is None
    taken = take_over(engine, NOON + LEASE)
    assert taken is not None
    assert taken.id == batch.id
    assert taken.lease_token != batch.lease_token
    assert taken.is_retry
    assert [each.id for each in taken.messages] == [each.id for each in batch.messages]
    assert {each.attempt for each in taken.messages} == {2}
    assert take_over(engine, NOON + LEASE) is None


def test_one_of_many_takes_a_stale_batch_over(scenario: Scenario, engine: Engine):
    enqueue(scenario, 1)
    claim(engine)
    start = threading.Barrier(8)

    def work() -> ClaimedBatch | None:
        start.wait()
        return take_over(engine, NOON + LEASE)

    with ThreadPoolExecutor(8) as pool:
        found = [future.result(30) for future in [pool.submit(work) for _ in range(8)]]
    assert len([batch for batch in found if batch is not None]) == 1


def test_settling_after_the_lease_is_lost_writes_nothing(scenario: Scenario, engine: Engine):
    enqueue(scenario, 2)
    (batch,) = claim(engine)
    taken = take_over(engine, NOON + LEASE)
    assert taken is not None
    before = scenario.messages("p000@example.org")
    assert not settle(engine, batch)
    assert not settle(engine, batch, retry_at=NOON + timedelta(hours=1))
    assert scenario.messages("p000@example.org") == before
    assert statuses(scenario) == {"sending": 2}
    assert settle(engine, taken)
    assert statuses(scenario) == {"accepted": 2}
    assert batch_rows(scenario) == 0


def test_settling_writes_what_became_of_each(scenario: Scenario, engine: Engine):
    enqueue(scenario, 1)
    (batch,) = claim(engine)
    assert settle(engine, batch)
    assert not settle(engine, batch)
    (message,) = scenario.messages("p000@example.org")
    assert (message.status, message.attempts, message.provider) == ("accepted", 1, "fake")
    assert (message.provider_message_id, message.settled_at) == ("theirs", NOON)
    assert message.batch_id is None


def test_a_batch_kept_for_a_retry_is_due_then_and_not_before(scenario: Scenario, engine: Engine):
    enqueue(scenario, 2)
    (batch,) = claim(engine)
    assert settle(engine, batch, retry_at=NOON + 2 * SECOND)
    assert take_over(engine, NOON + SECOND) is None
    taken = take_over(engine, NOON + 2 * SECOND)
    assert taken is not None
    assert (taken.id, len(taken.messages)) == (batch.id, 2)


def test_a_stale_batch_of_people_who_were_erased_ends(scenario: Scenario, engine: Engine):
    emails = enqueue(scenario, 2)
    claim(engine)
    for email in emails:
        scenario.erase(email)
    taken = take_over(engine, NOON + LEASE)
    assert taken is not None
    assert taken.messages == ()
    assert settle(engine, taken)
    assert batch_rows(scenario) == 0
    assert take_over(engine, NOON + 9 * LEASE) is None


def test_settling_for_someone_erased_meanwhile_touches_the_rest_only(
    scenario: Scenario, engine: Engine
):
    emails = enqueue(scenario, 2)
    (batch,) = claim(engine)
    scenario.erase(emails[0])
    assert settle(engine, batch)
    assert statuses(scenario) == {"accepted": 1}


def test_dissolving_stale_batches_spares_those_whose_key_holds(scenario: Scenario, engine: Engine):
    enqueue(scenario, 3)
    claim(engine)

    def dissolve(now: datetime, keys: dict[str, datetime], *hand_on: str) -> int:
        with engine.begin() as connection:
            return takeover.requeue_stale(
                connection,
                keys_hold_since=keys,
                hand_on=hand_on,
                called_before=now - LEASE,
                now=now,
            )

    holds = {"fake": NOON - SECOND}
    over = NOON + LEASE
    assert dissolve(over - SECOND, {}) == 0, "the lease is not over"
    assert dissolve(over, holds) == 0
    assert dissolve(NOON + timedelta(days=1), holds) == 0
    assert dissolve(over, holds, "fake") == 3
    (again,) = claim(engine, now=NOON + timedelta(minutes=2))
    assert len(again.messages) == 3
    assert dissolve(NOON + timedelta(minutes=3), {"fake": NOON + timedelta(minutes=2)}) == 3
    claim(engine, now=NOON + timedelta(minutes=4))
    assert dissolve(NOON + timedelta(minutes=5), {"another": NOON}) == 3
    assert batch_rows(scenario) == 0


def test_what_is_due_next_is_told(scenario: Scenario, engine: Engine):
    def next_due() -> datetime | None:
        with engine.connect() as connection:
            return claims.next_due_at(connection)

    assert next_due() is None
    enqueue(scenario, 2)
    scenario.set_message(
        scenario.messages("p000@example.org")[0].id, next_attempt_at=NOON + 5 * SECOND
    )
    scenario.set_message(
        scenario.messages("p001@example.org")[0].id, next_attempt_at=NOON + 3 * SECOND
    )
    assert next_due() == NOON + 3 * SECOND
    (batch,) = claim(engine, now=NOON + 3 * SECOND)
    assert next_due() == NOON + 5 * SECOND
    claim(engine, now=NOON + 5 * SECOND)
    assert next_due() == NOON + 3 * SECOND + LEASE
    settle(engine, batch)
    assert next_due() == NOON + 5 * SECOND + LEASE


def test_withheld_mail_is_never_claimed(scenario: Scenario, engine: Engine):
    with time_machine.travel(NOON, tick=False):
        scenario.sign_up(ADA)
        scenario.sign_up(ADA)
    (batch,) = claim(engine)
    assert len(batch.messages) == 1
