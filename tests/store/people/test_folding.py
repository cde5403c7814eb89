"""Whose address is whose: no letter but A to Z is folded, also in what was stored before."""

import hmac
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import Engine, insert, select

from service.domain.consent import Evidence
from service.domain.delivery.feedback import EventKind, ProviderEvent
from service.domain.signup.risk import TRAPPED
from service.services import Services
from service.store.tables.people import Subscriber, Subscription, Suppression
from service.store.tables.signup import HeldSignup
from service.store.types import new_id
from service.usecases.signup.subscribe import SignupRequest
from tests.migrating import downgrade, upgrade
from tests.scenario import NOON, Scenario

SAM, LONG_SAM = "sam@example.org", "\u017fam@example.org"
SHARP, DOUBLE = "\u00dfam@example.org", "ssam@example.org"
LONG_DOUBLE = "\u017f\u017fam@example.org"


def reasons(scenario: Scenario, email: str) -> list[str]:
    page = scenario.services.suppressions.page(limit=10, email=email)
    return sorted(each.reason.value for each in page.items)


@pytest.mark.parametrize(("stranger", "person"), [(LONG_SAM, SAM), (SHARP, DOUBLE)])
def test_a_bounce_of_one_address_suppresses_no_other(
    scenario: Scenario, engine: Engine, stranger: str, person: str
):
    scenario.sign_up(stranger)
    event = ProviderEvent(
        event_id="e",
        kind=EventKind.HARD_BOUNCE,
        at=NOON,
        message_id=scenario.messages(stranger)[0].id,
    )
    Services(scenario.services.settings, engine).feedback("postmark", [event])
    assert reasons(scenario, stranger) == ["hard_bounce"]
    assert reasons(scenario, person) == []
    scenario.sign_up(person)
    assert len(scenario.rows(select(Subscriber.id))) == 2
    assert scenario.owed(person) == ["confirm"]


def test_one_address_does_not_use_up_the_emails_of_another(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(4):
            scenario.sign_up(LONG_SAM)
            clock.shift(timedelta(minutes=11))
        scenario.sign_up(SAM)
    assert len(scenario.owed(LONG_SAM)) == 3
    assert scenario.owed(SAM) == ["confirm"]


def test_one_address_does_not_fill_what_is_held_of_another(scenario: Scenario):
    for email in (LONG_SAM, SAM):
        scenario.services.subscribe(SignupRequest(email=email, evidence=Evidence()), risk=TRAPPED)
    keys = scenario.rows(select(HeldSignup.email_key))
    assert sorted(row.email_key for row in keys) == sorted([SAM, LONG_SAM])


def hashed(scenario: Scenario, key: str) -> str:
    return hmac.digest(scenario.services.settings.address_hash_key, key.encode(), "sha256").hex()


def store(scenario: Scenario, email: str, key: str, *, status: str = "confirmed") -> Any:
    """Keep a person as they were kept before, under the key that they had then."""
    id_ = new_id()
    with scenario.engine.begin() as connection:
        connection.execute(
            insert(Subscriber).values(
                id=id_, email=email, email_key=key, created_at=NOON, updated_at=NOON
            )
        )
        connection.execute(
            insert(Subscription).values(
                subscriber_id=id_,
                mailing_list_id=scenario.list_id(),
                status=status,
                epoch=1,
                requested_at=NOON,
                updated_at=NOON,
            )
        )
    return id_


def suppress(scenario: Scenario, key: str, reason: str, note: str | None) -> None:
    with scenario.engine.begin() as connection:
        connection.execute(
            insert(Suppression).values(
                address_hash=hashed(scenario, key),
                reason=reason,
                email_key=key,
                note=note,
                created_at=NOON,
            )
        )


def keys(scenario: Scenario) -> dict[str, str]:
    rows = scenario.rows(select(Subscriber.email, Subscriber.email_key))
    return {row.email: row.email_key for row in rows}


def test_stored_rows_get_the_key_of_what_was_typed(scenario: Scenario):
    downgrade(scenario.engine, "0017")
    store(scenario, LONG_SAM, SAM)
    store(scenario, "Ada@Example.org", "ada@example.org")
    store(scenario, "J\u00d6rg@m\u00fcnchen.example", "j\u00f6rg@xn--mnchen-3ya.example")
    store(scenario, "e\u0301va@example.org", "\u00e9va@example.org")
    with scenario.engine.begin() as connection:
        connection.execute(
            insert(HeldSignup).values(
                id=new_id(),
                email=SHARP,
                email_key=DOUBLE,
                lists=[],
                score=9,
                reasons=[],
                created_at=NOON,
            )
        )
    suppress(scenario, SAM, "hard_bounce", "postmark")
    suppress(scenario, SAM, "manual", "asked")
    suppress(scenario, "bob@example.org", "hard_bounce", "postmark")
    upgrade(scenario.engine)
    found = keys(scenario)
    assert found == {
        LONG_SAM: LONG_SAM,
        "Ada@Example.org": "ada@example.org",
        "J\u00d6rg@m\u00fcnchen.example": "j\u00d6rg@xn--mnchen-3ya.example",
        "e\u0301va@example.org": "\u00e9va@example.org",
    }
    assert [row.email_key for row in scenario.rows(select(HeldSignup.email_key))] == [SHARP]
    # The report was about an email to the row's own address; the other entry may be about both.
    assert reasons(scenario, LONG_SAM) == ["hard_bounce", "manual"]
    assert reasons(scenario, SAM) == ["manual"]
    assert reasons(scenario, "bob@example.org") == ["hard_bounce"]
    for email in found:
        assert scenario.person(email).email == email
    downgrade(scenario.engine, "0017")
    assert keys(scenario)[LONG_SAM] == SAM
    upgrade(scenario.engine)
    assert keys(scenario) == found


def test_a_second_row_of_one_address_is_ended_and_keeps_its_links(scenario: Scenario):
    downgrade(scenario.engine, "0017")
    kept = store(scenario, LONG_SAM, LONG_SAM)
    second = store(scenario, LONG_SAM, SAM)
    upgrade(scenario.engine)
    statuses = scenario.rows(select(Subscription.subscriber_id, Subscription.status))
    assert {row.subscriber_id: row.status for row in statuses} == {
        kept: "confirmed",
        second: "unsubscribed",
    }
    assert scenario.person(LONG_SAM).id == kept
    scenario.sign_up(SAM)
    assert scenario.person(SAM).id not in (kept, second)


def test_two_people_stay_two_where_the_code_before_cannot_tell_them_apart(scenario: Scenario):
    def known() -> list[tuple[object, ...]]:
        columns = (Subscriber.id, Subscriber.email, Subscriber.email_key, Subscription.status)
        query = select(*columns).join(Subscription, Subscription.subscriber_id == Subscriber.id)
        return sorted(map(tuple, scenario.rows(query)), key=str)

    for email in (LONG_SAM, SAM):
        store(scenario, email, email)
    suppress(scenario, LONG_SAM, "manual", "asked")
    suppress(scenario, SAM, "hard_bounce", "postmark")
    before = known()
    assert {status for *_, status in before} == {"confirmed"}
    downgrade(scenario.engine, "0017")
    assert known() == before
    assert (reasons(scenario, LONG_SAM), reasons(scenario, SAM)) == (
        ["manual"],
        ["hard_bounce"],
    )
    upgrade(scenario.engine)
    assert known() == before


def test_of_two_people_with_one_key_before_the_second_keeps_their_own(scenario: Scenario):
    for email in (SHARP, LONG_DOUBLE):
        store(scenario, email, email)
    before = keys(scenario)
    downgrade(scenario.engine, "0017")
    after = set(keys(scenario).values())
    assert after in ({DOUBLE, SHARP}, {DOUBLE, LONG_DOUBLE})
    statuses = [row.status for row in scenario.rows(select(Subscription.status))]
    assert statuses == ["confirmed", "confirmed"]
    upgrade(scenario.engine)
    assert keys(scenario) == before


def test_many_rows_are_gone_through_in_batches(scenario: Scenario):
    downgrade(scenario.engine, "0017")
    with scenario.engine.begin() as connection:
        connection.execute(
            insert(Subscriber),
            [
                {
                    "id": new_id(),
                    "email": f"\u00df{number}@example.org",
                    "email_key": f"ss{number}@example.org",
                    "created_at": NOON,
                    "updated_at": NOON,
                }
                for number in range(1100)
            ],
        )
    upgrade(scenario.engine)
    found = keys(scenario)
    assert len(found) == 1100
    assert all(key == email for email, key in found.items())
