"""What strangers can write is bounded, however often they ask."""

from datetime import timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, insert, select

from service.domain.access.admission import Account
from service.domain.consent import Evidence
from service.domain.signup.risk import TRAPPED
from service.domain.subscription import (
    HELD_OF_ADDRESS,
    MAILS_A_DAY,
    REASONS,
    REPEAT_AFTER,
    UNDOS,
    WITHHELD_A_DAY,
)
from service.store.tables.access import AuditEntry
from service.store.tables.ledger import ConsentEvent
from service.store.tables.signup import HeldSignup
from service.store.types import new_id
from service.usecases.access.sessions import REFUSALS_AN_HOUR, REFUSED
from service.usecases.links.views import LinkState
from service.usecases.paging import Cursors
from service.usecases.people.subscribers import DATA_PAGE, SHOWN_HISTORY
from service.usecases.signup.subscribe import SignupRequest
from tests.scenario import ADA, NOON, Scenario

EVENT = "0198c6b0-0000-7000-8000-000000000000"


def count(scenario: Scenario, table: type) -> int:
    return int(scenario.rows(select(func.count()).select_from(table))[0][0])


def test_repeats_add_one_entry_a_list_and_few_emails(scenario: Scenario):
    slugs = [f"list-{number}" for number in range(5)]
    scenario.make_lists(*slugs)
    with time_machine.travel(NOON, tick=False):
        for number in range(WITHHELD_A_DAY + 10):
            scenario.sign_up(ADA, *slugs, evidence=Evidence(source=f"/page-{number}"))
    assert scenario.ledger() == ["requested"] * 5
    assert len(scenario.owed()) == 1
    assert len(scenario.messages()) == 1 + WITHHELD_A_DAY


@pytest.mark.parametrize(
    ("later", "entries"),
    [(REPEAT_AFTER - timedelta(microseconds=1), 1), (REPEAT_AFTER, 2)],
)
def test_a_signup_is_recorded_again_after_a_while(
    scenario: Scenario, later: timedelta, entries: int
):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        clock.shift(later)
        scenario.sign_up()
    assert scenario.ledger() == ["requested"] * entries


def test_another_list_another_text_and_another_cycle_are_no_repeat(scenario: Scenario):
    scenario.make_lists("other")
    with time_machine.travel(NOON, tick=False):
        scenario.sign_up()
        scenario.sign_up(ADA, "other")
        assert len(scenario.ledger()) == 2
        scenario.services.consent_texts.add("other", locale=None, text="New words.", actor="test")
        scenario.sign_up(ADA, "other")
        assert len(scenario.ledger()) == 3
        scenario.confirm()
        scenario.leave()
        before = scenario.ledger().count("requested")
        scenario.sign_up(ADA, "other")
        assert scenario.ledger().count("requested") == before + 1
    versions = scenario.rows(select(ConsentEvent.text_version, ConsentEvent.epoch))
    assert {tuple(row) for row in versions} >= {("1", 1), ("2", 1), ("2", 2)}


def test_a_signup_that_still_may_be_mailed_is_mailed_whatever_was_withheld(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(MAILS_A_DAY + 1):
            for _ in range(WITHHELD_A_DAY + 1):
                scenario.sign_up()
            clock.shift(REPEAT_AFTER)
    assert len(scenario.owed()) == MAILS_A_DAY
    assert len(scenario.messages()) == MAILS_A_DAY + WITHHELD_A_DAY


def test_the_status_page_of_a_signup_that_left_nothing_looks_like_any_other(
    scenario: Scenario, client: FlaskClient
):
    with time_machine.travel(NOON, tick=False):
        pages = set()
        for _ in range(WITHHELD_A_DAY + 3):
            token = scenario.sign_up()
            page = client.get(f"/status/{token}")
            pages.add((page.status_code, page.text.replace(token, "").split("nonce")[0]))
    assert len(pages) == 1


def test_one_expired_link_asks_for_a_bounded_number_of_emails(scenario: Scenario):
    with time_machine.travel(NOON, tick=False):
        scenario.sign_up()
        link = scenario.confirm_link()
    with time_machine.travel(NOON + timedelta(days=8), tick=False):
        for _ in range(WITHHELD_A_DAY + 10):
            assert scenario.services.confirm.renew(link, Evidence())
    assert len(scenario.messages()) == 2 + WITHHELD_A_DAY
    assert len(scenario.owed()) == 2


def test_leaving_and_undoing_by_one_link_ends(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        scenario.confirm()
        link = scenario.unsubscribe_link()
        states = []
        for _ in range(UNDOS + 5):
            clock.shift(timedelta(days=1))
            left = scenario.services.unsubscribe.act(link, Evidence(), one_click=False)
            assert left.undo_token is not None
            states.append(scenario.services.unsubscribe.undo(left.undo_token, Evidence()).state)
    assert states == [LinkState.DONE] * UNDOS + [LinkState.ENDED] * 5
    assert scenario.subscription().status == "unsubscribed"
    assert scenario.ledger().count("resumed") == UNDOS
    assert scenario.ledger().count("unsubscribed") == UNDOS + 1


def test_who_signs_up_again_can_undo_again(scenario: Scenario):
    with time_machine.travel(NOON, tick=False):
        scenario.sign_up()
        scenario.confirm()
        for _ in range(UNDOS):
            scenario.services.unsubscribe.undo(scenario.leave() or "", Evidence())
        scenario.leave()
    with time_machine.travel(NOON + timedelta(days=2), tick=False):
        scenario.sign_up()
        scenario.confirm()
        undo = scenario.leave()
        assert undo is not None
        assert scenario.services.unsubscribe.undo(undo, Evidence()).state is LinkState.DONE


def test_a_few_reasons_are_kept(scenario: Scenario):
    scenario.sign_up()
    scenario.confirm()
    link = scenario.unsubscribe_link()
    for number in range(REASONS + 4):
        view = scenario.services.unsubscribe.act(link, Evidence(), one_click=False)
        scenario.services.unsubscribe.give_reason(view.undo_token or "", f"reason {number}")
    kept = scenario.rows(select(ConsentEvent.detail).where(ConsentEvent.kind == "reason_given"))
    assert sorted(row.detail for row in kept) == [f"reason {number}" for number in range(REASONS)]


def test_a_few_signups_of_an_address_wait_for_review(scenario: Scenario):
    for _ in range(HELD_OF_ADDRESS + 3):
        token = scenario.services.subscribe(
            SignupRequest(email=ADA, evidence=Evidence()), risk=TRAPPED
        )
        assert scenario.services.signup_status(token).progress.value == "sent"
    scenario.services.subscribe(
        SignupRequest(email="other@example.org", evidence=Evidence()), risk=TRAPPED
    )
    assert count(scenario, HeldSignup) == HELD_OF_ADDRESS + 1


def test_refused_sign_ins_are_kept_once_an_hour_and_not_without_end(scenario: Scenario):
    sessions = scenario.services.admin_sessions
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(3):
            sessions.refuse(Account(name="eve", subject="1"), reason="not_admitted")
        assert count(scenario, AuditEntry) == 1
        clock.shift(timedelta(minutes=61))
        sessions.refuse(Account(name="eve", subject="1"), reason="not_admitted")
        assert count(scenario, AuditEntry) == 2
        for number in range(REFUSALS_AN_HOUR + 5):
            sessions.refuse(Account(name=f"e{number}", subject=f"{number}"), reason="no")
    kept = scenario.rows(select(AuditEntry.actor).where(AuditEntry.action == REFUSED))
    assert len(kept) == 1 + REFUSALS_AN_HOUR


@pytest.fixture
def headers(scenario: Scenario) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {scenario.services.keys.create('boss', 'admin', actor='test')}"
    }


@pytest.fixture
def long_history(scenario: Scenario, engine: Engine) -> int:
    """Give a person a history from before repeats were merged; return how many entries it has."""
    scenario.sign_up()
    person = scenario.person().id
    entries = max(DATA_PAGE, SHOWN_HISTORY) + 5
    with engine.begin() as connection:
        connection.execute(
            insert(ConsentEvent),
            [
                {
                    "id": new_id(),
                    "subscriber_id": person,
                    "mailing_list_id": scenario.list_id(),
                    "epoch": 1,
                    "kind": "requested",
                    # Many at one time: then the id tells where a page ends.
                    "at": NOON + timedelta(seconds=number // 50),
                    "source": f"/page-{number}",
                    "text_version": "1",
                    "email": ADA,
                }
                for number in range(entries)
            ],
        )
    return entries + 1


def test_a_persons_history_is_shown_in_part_and_given_as_a_whole(
    scenario: Scenario, client: FlaskClient, headers: dict[str, str], long_history: int
):
    address = f"/v1/subscribers/{scenario.person().id}"
    shown = client.get(address, headers=headers).get_json()["consent_events"]
    assert len(shown) == SHOWN_HISTORY
    given = client.get(f"{address}/data", headers=headers)
    assert given.headers["Cache-Control"] == "no-store"
    events = given.get_json()["consent_events"]
    assert len(events) == long_history
    assert len({event["source"] for event in events}) == long_history
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    assert events[-SHOWN_HISTORY:] == shown


def test_a_long_receipt_comes_in_parts(
    scenario: Scenario, client: FlaskClient, headers: dict[str, str], long_history: int
):
    address = f"/v1/subscribers/{scenario.person().id}/receipt"
    found: list[str] = []
    asked: dict[str, str] | None = {}
    while asked is not None:
        answer = client.get(address, headers=headers, query_string=asked)
        assert len(answer.data) < 500_000
        part = answer.get_json()
        found += [each["event"]["id"] for each in part["unsealed"]]
        asked = {"cursor": part["next_cursor"]} if part["next_cursor"] else None
    assert len(found) == len(set(found)) == long_history
    token = scenario.tokens.receipt.issue(scenario.scope(), at=scenario.messages()[0].created_at)
    public = client.get(f"/receipt/{token}")
    assert len(public.get_json()["unsealed"]) < long_history
    assert 'rel="next"' in public.headers["Link"]
    following = client.get(public.headers["Link"].partition(">")[0].removeprefix("<"))
    first = {each["event"]["id"] for each in public.get_json()["unsealed"]}
    assert not first & {each["event"]["id"] for each in following.get_json()["unsealed"]}


@pytest.mark.parametrize(
    "place",
    ["x", "2026 x", f"2026-01-01T00:00:00Z {EVENT} x", f"0001-01-01T00:00:00+14:00 {EVENT}"],
)
def test_a_receipts_cursor_without_an_events_place_is_refused(
    scenario: Scenario, client: FlaskClient, headers: dict[str, str], place: str
):
    scenario.sign_up()
    cursor = Cursors("receipt", read=str).after(place)
    address = f"/v1/subscribers/{scenario.person().id}/receipt?cursor={cursor}"
    assert client.get(address, headers=headers).status_code == 422
