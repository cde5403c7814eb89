"""Erasing and forgetting look rows up by an index, and hold no lock for long."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import Connection, Engine, event, func, insert, select, update

from service.domain.delivery.feedback import EventKind, ProviderEvent
from service.services import Services
from service.store.access.audit import insert_audit
from service.store.bulk import in_pieces
from service.store.tables.delivery import OutboxMessage, RecordedEvent
from service.store.tables.people import Subscription
from service.store.tables.signup import IdempotencyRecord
from service.store.types import new_id
from service.usecases import removal
from service.usecases.links.confirm import forget_code_tries
from service.usecases.lists.lists import Lists
from service.usecases.people.retention import PEOPLE_PIECE, Retention, RetentionRules
from service.usecases.signup.held import HeldSignups
from service.usecases.signup.idempotency import KEEP, Idempotency
from service.usecases.webhooks.deliver import DeliverWebhooks
from service.webhooks.call import Call
from tests.plans import age_statistics, grow, whole_reads
from tests.scenario import NOON, Scenario

LATER = NOON + timedelta(days=400)
RULES = RetentionRules(unconfirmed_days=30, ended_days=100, mail_days=30, audit_days=365)


@pytest.fixture
def retention(scenario: Scenario, engine: Engine) -> Retention:
    return Retention(
        engine, rules=RULES, address_hash_key=scenario.services.settings.address_hash_key
    )


@contextmanager
def transactions(engine: Engine) -> Iterator[list[list[str]]]:
    """Collect the statements of each transaction that writes."""
    found: list[list[str]] = []
    running: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        running.append(statement)

    def commit(connection: Connection) -> None:
        if not connection.get_execution_options().get("reads_only", False):
            found.append(running.copy())
        running.clear()

    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", commit)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)
        event.remove(engine, "commit", commit)


def report(engine: Engine, *, count: int) -> None:
    """Keep reports, half of them of emails that are here and half of names that nobody has."""
    with engine.begin() as connection:
        ids = list(connection.scalars(select(OutboxMessage.id)))
        connection.execute(
            insert(RecordedEvent),
            [
                {
                    "provider": "p",
                    "event_id": str(number),
                    "kind": "delivered",
                    "at": NOON,
                    "received_at": NOON,
                    "message_id": ids[number % len(ids)] if number % 2 else None,
                    "provider_message_id": f"name-{number}",
                }
                for number in range(count)
            ],
        )


def test_erasing_a_person_reads_nobody_elses_rows(scenario: Scenario, engine: Engine):
    age_statistics(scenario)
    scenario.sign_up()
    scenario.confirm()
    report(engine, count=500)
    with engine.begin() as connection:
        connection.execute(update(OutboxMessage).values(provider="p", provider_message_id="m-1"))
        connection.execute(
            insert(RecordedEvent).values(
                provider="p",
                event_id="x",
                kind="bounced",
                at=NOON,
                received_at=NOON,
                provider_message_id="m-1",
            )
        )
    person = scenario.person().id
    of_others = RecordedEvent.message_id != scenario.messages()[0].id
    kept = len(scenario.rows(select(RecordedEvent.event_id).where(of_others)))
    with whole_reads(scenario.services.subscribers._engine) as found:
        scenario.services.subscribers.erase(person, actor="test")
    assert found == []
    assert not scenario.rows(select(RecordedEvent.event_id).where(RecordedEvent.event_id == "x"))
    assert len(scenario.rows(select(RecordedEvent.event_id).where(of_others))) == kept > 200


def test_a_persons_data_are_found_without_reading_everybodys(scenario: Scenario):
    age_statistics(scenario)
    scenario.sign_up()
    report(scenario.engine, count=500)
    with whole_reads(scenario.services.subscribers._engine) as found:
        scenario.services.subscribers.data(scenario.person().id, actor="test")
    assert found == []


def test_retention_looks_along_indexes(scenario: Scenario, engine: Engine, retention: Retention):
    with time_machine.travel(NOON, tick=False):
        age_statistics(scenario)
        scenario.sign_up()
        scenario.confirm()
        scenario.leave()
        with engine.begin() as connection:
            insert_audit(connection, at=NOON, actor="test", action="list.created")
    with time_machine.travel(LATER, tick=False), whole_reads(engine) as found:
        removed = retention.run(actor="test")
    assert removed.unconfirmed >= 20
    assert removed.ended == 1
    assert removed.audit_entries == 1
    assert found == []


def test_retention_writes_for_a_few_people_at_once(
    scenario: Scenario, engine: Engine, retention: Retention
):
    with time_machine.travel(NOON, tick=False):
        grow(scenario, 45, name="old")
    with time_machine.travel(LATER, tick=False), transactions(engine) as found:
        assert retention.run(actor="test").unconfirmed == 45
    erased = [sum("DELETE FROM subscribers" in sql for sql in each) for each in found]
    assert sum(erased) == 45
    assert max(erased) == PEOPLE_PIECE
    # What is to be erased is found before a writer's lock is taken.
    written = [sql for each in found for sql in each]
    assert not [sql for sql in written if "ORDER BY subscriptions.requested_at" in sql]


def confirm_by_hand(scenario: Scenario) -> None:
    with scenario.services.subscribers._engine.begin() as connection:
        connection.execute(update(Subscription).values(status="confirmed", confirmed_at=LATER))


@pytest.mark.parametrize("act", ["sign_up", "confirm"])
def test_who_comes_back_before_their_turn_stays(
    scenario: Scenario, retention: Retention, monkeypatch: pytest.MonkeyPatch, act: str
):
    with time_machine.travel(NOON, tick=False):
        scenario.sign_up()
    found: list[object] = []

    def come_back(people: Sequence[object], size: int) -> Iterator[Sequence[object]]:
        if people:
            found.extend(people)
            if act == "sign_up":
                scenario.sign_up()
            else:
                confirm_by_hand(scenario)
        return in_pieces(people, size)

    monkeypatch.setattr(removal, "in_pieces", come_back)
    with time_machine.travel(LATER, tick=False):
        assert retention.run(actor="test").unconfirmed == 0
    assert found == [scenario.person().id]


def test_forgetting_looks_along_indexes(scenario: Scenario, engine: Engine):
    with time_machine.travel(NOON, tick=False):
        age_statistics(scenario)
        report(engine, count=300)
        keys = [
            {
                "key_hash": f"{number:064}",
                "body_hash": "b",
                "message_id": new_id(),
                "created_at": NOON,
                "began_at": NOON,
                "is_done": True,
            }
            for number in range(450)
        ]
        with engine.begin() as connection:
            connection.execute(insert(IdempotencyRecord), keys)
    held = HeldSignups(engine, lists=Lists(engine), mail_is_due=lambda: None)
    with time_machine.travel(NOON + KEEP * 2, tick=False):
        with whole_reads(engine) as found, transactions(engine) as written:
            assert Idempotency(engine).purge() == 450
            assert held.purge() == 0
            assert forget_code_tries(engine, confirm_days=7) == 0
            DeliverWebhooks(engine, call=Call(allow_private=False)).forget_old()
        assert found == []
        deletes = [sql for each in written for sql in each if sql.startswith("DELETE")]
        assert len(deletes) == 3
        with whole_reads(engine) as found:
            feedback_of(scenario, engine)
        assert found == []
    left = scenario.rows(select(func.count()).select_from(IdempotencyRecord))
    assert left[0][0] == 0


def feedback_of(scenario: Scenario, engine: Engine) -> None:
    """Take a report and match those that wait."""
    feedback = Services(scenario.services.settings, engine).feedback
    event_ = ProviderEvent(
        event_id="new",
        kind=EventKind.SOFT_BOUNCE,
        at=NOON,
        provider_message_id="name-0",
    )
    feedback("p", [event_])
    message = scenario.messages("early0@example.org")[0].id
    scenario.set_message(message, provider="p", provider_message_id="name-0")
    assert feedback.match_waiting() >= 1
