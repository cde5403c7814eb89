"""Confirming, leaving and taking it back: once, however often and by however many it is asked."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
import time_machine
from sqlalchemy import select

from service.domain.consent import Evidence
from service.domain.errors import (
    LinkExpiredError,
    LinkForgedError,
    TooManyTriesError,
    WrongCodeError,
)
from service.domain.signup.risk import TRAPPED
from service.domain.subscription import (
    CODE_LIFE_MAX,
    CODE_TRIES,
    UNDO_WITHIN,
    LinkScope,
    SubscriptionRef,
)
from service.store.tables.links import CodeTries
from service.store.types import new_id
from service.usecases.links.confirm import Confirm, forget_code_tries
from service.usecases.links.unsubscribe import Unsubscribe
from service.usecases.links.views import LinkState
from service.usecases.lists.consent_texts import ConsentTexts
from service.usecases.lists.lists import Lists
from service.usecases.signup.subscribe import SignupRequest
from tests.scenario import ADA, NOON, Scenario

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SECOND = timedelta(seconds=1)
HERE = Evidence(source="/confirm", ip="203.0.113.0/24")


T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls, timeout=60))


def other_process(scenario: Scenario, *, confirm_days: int = 7) -> tuple[Confirm, Unsubscribe]:
    """The same use cases sharing nothing with the first ones but the database."""
    lists = Lists(scenario.engine)
    return (
        Confirm(
            scenario.engine,
            lists=lists,
            texts=ConsentTexts(scenario.engine, lists=lists),
            tokens=scenario.tokens,
            address_hash_key=scenario.services.settings.address_hash_key,
            confirm_days=confirm_days,
            mail_is_due=lambda: None,
        ),
        Unsubscribe(scenario.engine, lists=lists, tokens=scenario.tokens),
    )


# --- confirm ---


def test_looking_changes_nothing(scenario: Scenario):
    scenario.sign_up()
    confirm, leave = scenario.confirm_link(), scenario.unsubscribe_link()
    before = scenario.subscription()
    for _ in range(5):
        assert scenario.services.confirm.show(confirm).state is LinkState.OPEN
        assert scenario.services.unsubscribe.show(leave).state is LinkState.OPEN
    assert scenario.subscription() == before
    assert scenario.ledger() == ["requested"]


def test_a_link_confirms_once_however_often_it_is_posted(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        link = scenario.confirm_link()
        clock.shift(MINUTE)
        for _ in range(3):
            view = scenario.services.confirm.act(link, HERE)
            assert view.state is LinkState.DONE
            assert [info.slug for info in view.lists] == ["news-flash"]
            clock.shift(MINUTE)
        assert scenario.services.confirm.show(link).state is LinkState.DONE
    subscription = scenario.subscription()
    assert (subscription.status, subscription.confirmed_at) == ("confirmed", NOON + MINUTE)
    assert scenario.ledger() == ["requested", "confirmed"]


@pytest.mark.parametrize("kind", ["one process", "many processes"])
def test_a_link_posted_by_many_at_once_confirms_once(scenario: Scenario, kind: str):
    scenario.sign_up()
    link = scenario.confirm_link()
    confirms = [
        scenario.services.confirm if kind == "one process" else other_process(scenario)[0]
        for _ in range(16)
    ]
    views = at_once([partial(one.act, link, HERE) for one in confirms])
    assert {view.state for view in views} == {LinkState.DONE}
    assert scenario.ledger() == ["requested", "confirmed"]


def test_a_link_expires_after_its_days_and_not_before(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        link = scenario.confirm_link()
        clock.move_to(NOON + 7 * DAY)
        assert scenario.services.confirm.show(link).state is LinkState.OPEN
        clock.shift(SECOND)
        with pytest.raises(LinkExpiredError):
            scenario.services.confirm.show(link)
        with pytest.raises(LinkExpiredError):
            scenario.services.confirm.act(link, HERE)
    assert scenario.subscription().status == "pending"


def test_an_expired_link_can_be_renewed_within_the_budget(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        link = scenario.confirm_link()
        clock.move_to(NOON + 8 * DAY)
        token = scenario.services.confirm.renew(link, HERE)
        assert scenario.tokens.status.read(token) == scenario.messages()[-1].id
        scenario.services.confirm.renew(link, HERE)
        assert scenario.owed() == ["confirm", "confirm"]
        for _ in range(4):
            clock.shift(11 * MINUTE)
            scenario.services.confirm.renew(link, HERE)
        assert len(scenario.owed()) == 1 + 3
        scenario.confirm()
    assert scenario.subscription().status == "confirmed"
    assert scenario.subscription().requested_at == NOON


@pytest.mark.parametrize("since", ["confirmed", "left", "signed up again", "erased"])
def test_there_is_nothing_to_renew_once_a_cycle_is_over(scenario: Scenario, since: str):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        link = scenario.confirm_link()
        if since != "left":
            scenario.confirm()
        if since in ("left", "signed up again"):
            scenario.leave()
        if since == "signed up again":
            scenario.sign_up()
        clock.move_to(NOON + 8 * DAY)
        if since == "erased":
            scenario.erase(ADA)
            token = scenario.services.confirm.renew(link, HERE)
        else:
            owed = len(scenario.messages())
            token = scenario.services.confirm.renew(link, HERE)
            assert len(scenario.messages()) == owed
    assert len(token) == len(scenario.tokens.status.issue(uuid4()))


def test_renewals_at_once_are_one_mail(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        link = scenario.confirm_link()
        clock.move_to(NOON + 8 * DAY)
        others = [other_process(scenario)[0] for _ in range(8)]
        at_once([partial(one.renew, link, HERE) for one in others])
    assert scenario.owed() == ["confirm", "confirm"]


def test_an_old_link_never_revives_someone_who_left(scenario: Scenario):
    scenario.sign_up()
    link = scenario.confirm_link()
    scenario.services.confirm.act(link, HERE)
    scenario.leave()
    assert scenario.services.confirm.act(link, HERE).state is LinkState.ENDED
    assert scenario.services.confirm.show(link).state is LinkState.ENDED
    assert scenario.subscription().status == "unsubscribed"
    scenario.sign_up()
    assert scenario.services.confirm.act(link, HERE).state is LinkState.ENDED
    assert scenario.subscription().status == "pending"
    assert scenario.services.confirm.act(scenario.confirm_link(), HERE).state is LinkState.DONE
    assert scenario.subscription().epoch == 2


def test_a_link_never_used_does_not_revive_either(scenario: Scenario):
    scenario.sign_up()
    link = scenario.confirm_link()
    scenario.leave()
    assert scenario.services.confirm.act(link, HERE).state is LinkState.ENDED
    assert scenario.subscription().status == "unsubscribed"


def test_confirming_and_leaving_at_once_ends_in_one_of_both_and_the_ledger_agrees(
    scenario: Scenario,
):
    for number in range(6):
        email = f"p{number}@example.org"
        scenario.sign_up(email)
        confirm, leave = scenario.confirm_link(email), scenario.unsubscribe_link(email)
        one, two = other_process(scenario), other_process(scenario)
        posts: list[Callable[[], object]] = [
            partial(one[0].act, confirm, HERE),
            partial(two[1].act, leave, HERE, one_click=True),
            partial(two[0].act, confirm, HERE),
        ]
        at_once(posts)
        assert scenario.subscription(email).status == "unsubscribed"
        # Each carries the time at which it was asked for; which came first is the lock's to say.
        acts = set(scenario.ledger(email)) - {"confirmed"}
        assert acts == {"requested", "unsubscribed"}
        assert len(scenario.ledger(email)) == len(set(scenario.ledger(email)))


def test_a_link_for_a_list_that_is_gone_for_the_person_is_ended(scenario: Scenario):
    scenario.sign_up()
    link = scenario.confirm_link()
    scenario.erase(ADA)
    assert scenario.services.confirm.act(link, HERE).state is LinkState.ENDED
    assert scenario.services.confirm.show(link).state is LinkState.ENDED


def test_a_link_that_names_no_list_is_forged(scenario: Scenario):
    scenario.sign_up()
    empty = scenario.tokens.confirm.issue(LinkScope(scenario.person().id, ()), at=NOON)
    with time_machine.travel(NOON), pytest.raises(LinkForgedError):
        scenario.services.confirm.act(empty, HERE)


# --- the code ---


def test_the_code_confirms_where_the_signup_was_made(scenario: Scenario):
    token = scenario.sign_up()
    code = scenario.code()
    for typed in (code, f" {code[:3]} {code[3:]} ", f"{code[:3]}-{code[3:]}"):
        assert scenario.services.confirm.by_code(token, typed, HERE).is_confirmed
    assert scenario.subscription().status == "confirmed"
    assert scenario.ledger() == ["requested", "confirmed"]


@pytest.mark.parametrize("zero", ["\u0660", "\u06f0", "\uff10", "\u0966"])
def test_the_code_may_be_typed_in_digits_of_another_script(scenario: Scenario, zero: str):
    token = scenario.sign_up()
    typed = "".join(chr(ord(zero) + int(digit)) for digit in scenario.code())
    assert scenario.services.confirm.by_code(token, typed, HERE).is_confirmed


@pytest.mark.parametrize("typed", ["", "12345", "x" * 10_000, "²²²²²²", "\0", "1" * 7, "½", "-1"])
def test_anything_else_is_a_wrong_code(scenario: Scenario, typed: str):
    token = scenario.sign_up()
    with pytest.raises(WrongCodeError):
        scenario.services.confirm.by_code(token, typed, HERE)
    assert tries_on(scenario, scenario.messages()[0].id) == 1
    assert scenario.subscription().status == "pending"


def tries_on(scenario: Scenario, message_id: UUID) -> int:
    found = scenario.rows(select(CodeTries.tries).where(CodeTries.message_id == message_id))
    return found[0].tries if found else 0


def wrong(scenario: Scenario, place: int = -1) -> str:
    return f"{(int(scenario.code(place=place)) + 1) % 10**6:06}"


def outcome(confirm: Confirm, token: str, code: str) -> str:
    try:
        confirm.by_code(token, code, HERE)
    except (WrongCodeError, TooManyTriesError) as error:
        return type(error).__name__
    return "confirmed"


LOCKED_AFTER_TEN = ["WrongCodeError"] * CODE_TRIES + ["TooManyTriesError"]


def test_wrong_codes_are_counted_over_all_signups_of_the_address(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        first = scenario.sign_up()
        clock.shift(11 * MINUTE)
        second = scenario.sign_up()
        for token in [first, second] * (CODE_TRIES // 2):
            with pytest.raises(WrongCodeError):
                scenario.services.confirm.by_code(token, wrong(scenario), HERE)
        for token in (first, second):
            with pytest.raises(TooManyTriesError):
                scenario.services.confirm.by_code(token, scenario.code(), HERE)
        clock.shift(11 * MINUTE)
        with pytest.raises(TooManyTriesError):
            scenario.services.confirm.by_code(scenario.sign_up(), scenario.code(), HERE)
        assert scenario.subscription().status == "pending"
        scenario.confirm()
    assert scenario.subscription().status == "confirmed"


def test_guesses_at_once_do_not_get_more_tries(scenario: Scenario):
    token = scenario.sign_up()
    guess = wrong(scenario)
    others = [other_process(scenario)[0] for _ in range(16)]
    found = at_once([partial(outcome, one, token, guess) for one in others])
    assert sorted(found) == ["TooManyTriesError"] * 6 + ["WrongCodeError"] * CODE_TRIES
    assert tries_on(scenario, scenario.messages()[0].id) == CODE_TRIES


def hold(scenario: Scenario, email: str = ADA) -> str:
    return scenario.services.subscribe(
        SignupRequest(email=email, evidence=Evidence()), risk=TRAPPED
    )


@pytest.mark.parametrize("is_known", [True, False])
def test_wrong_codes_for_a_held_signup_count_against_its_address(
    scenario: Scenario, is_known: bool
):
    """Whether the address has signups that were taken, or held ones only."""
    pages = [scenario.sign_up() if is_known else hold(scenario), hold(scenario)]
    hold(scenario, "bob@example.org")
    for token in pages * (CODE_TRIES // 2):
        with pytest.raises(WrongCodeError):
            scenario.services.confirm.by_code(token, "no code", HERE)
    for token in [*pages, hold(scenario), scenario.sign_up()]:
        with pytest.raises(TooManyTriesError):
            scenario.services.confirm.by_code(token, "no code", HERE)
    with pytest.raises(WrongCodeError):
        scenario.services.confirm.by_code(hold(scenario, "bob@example.org"), "no code", HERE)


def test_guesses_at_once_for_a_held_signup_are_counted_one_by_one(scenario: Scenario):
    pages = [hold(scenario), hold(scenario)]
    others = [other_process(scenario)[0] for _ in range(16)]
    found = at_once(
        [partial(outcome, one, pages[number % 2], "no code") for number, one in enumerate(others)]
    )
    assert sorted(found) == ["TooManyTriesError"] * 6 + ["WrongCodeError"] * CODE_TRIES


def test_the_code_of_an_earlier_mail_confirms_on_the_page_of_a_held_signup(scenario: Scenario):
    scenario.sign_up()
    code = scenario.code()
    assert scenario.services.confirm.by_code(hold(scenario), code, HERE).is_confirmed
    assert scenario.subscription().status == "confirmed"


@pytest.mark.parametrize("what", ["release", "drop", "erase"])
def test_a_locked_page_stays_locked_whatever_becomes_of_its_signup(scenario: Scenario, what: str):
    token = scenario.sign_up() if what == "erase" else hold(scenario)
    for _ in range(CODE_TRIES):
        with pytest.raises(WrongCodeError):
            scenario.services.confirm.by_code(token, "no code", HERE)
    if what == "erase":
        scenario.erase(ADA)
    else:
        [held] = scenario.services.held.page(limit=2).items
        act = scenario.services.held.release if what == "release" else scenario.services.held.drop
        act(held.held.signup.message_id, actor="test")
    with pytest.raises(TooManyTriesError):
        scenario.services.confirm.by_code(token, "no code", HERE)


def test_wrong_codes_are_forgotten_once_the_links_have_expired(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        token = scenario.sign_up()
        for _ in range(CODE_TRIES):
            with pytest.raises(WrongCodeError):
                scenario.services.confirm.by_code(token, "no code", HERE)
        clock.shift(7 * DAY)
        assert forget_code_tries(scenario.engine, confirm_days=7) == 0
        clock.shift(MINUTE)
        assert forget_code_tries(scenario.engine, confirm_days=7) == 1
        with pytest.raises(WrongCodeError):
            scenario.services.confirm.by_code(token, "no code", HERE)


def test_a_code_lives_as_long_as_its_link(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        token, code = scenario.sign_up(), scenario.code()
        clock.move_to(NOON + 7 * DAY)
        with pytest.raises(WrongCodeError):
            scenario.services.confirm.by_code(token, code, HERE)


@pytest.mark.parametrize("kind", ["taken", "held"])
def test_pages_prepared_long_ago_do_not_give_more_guesses_at_a_new_code(
    scenario: Scenario, kind: str
):
    with time_machine.travel(NOON, tick=False) as clock:
        pages = [scenario.sign_up() if kind == "taken" else hold(scenario) for _ in range(4)]
        clock.shift(7 * DAY + MINUTE)
        newest = scenario.sign_up()
        guesses = [(token, "no code") for token in pages * 3]
        found = [outcome(scenario.services.confirm, *guess) for guess in guesses]
        assert found == [*LOCKED_AFTER_TEN, "TooManyTriesError"]
        assert outcome(scenario.services.confirm, newest, scenario.code()) == "TooManyTriesError"
    assert scenario.subscription().status == "pending"


@pytest.mark.parametrize("kind", ["taken", "held", "gone"])
def test_on_a_page_older_than_a_code_every_code_is_wrong(scenario: Scenario, kind: str):
    with time_machine.travel(NOON, tick=False) as clock:
        page = scenario.sign_up() if kind == "taken" else hold(scenario)
        if kind == "gone":
            [held] = scenario.services.held.page(limit=2).items
            scenario.services.held.drop(held.held.signup.message_id, actor="test")
        clock.shift(7 * DAY)
        scenario.sign_up()
        right = scenario.code()
        found = [outcome(scenario.services.confirm, page, right) for _ in range(CODE_TRIES + 1)]
    assert found == LOCKED_AFTER_TEN
    assert scenario.subscription().status == "pending"


def test_a_wrong_code_counts_for_the_life_of_a_code_since_it_was_typed(scenario: Scenario):
    confirm = scenario.services.confirm
    with time_machine.travel(NOON, tick=False) as clock:
        page = scenario.sign_up()
        assert outcome(confirm, page, "no code") == "WrongCodeError"
        clock.shift(6 * DAY)
        for _ in range(CODE_TRIES - 1):
            assert outcome(confirm, page, "no code") == "WrongCodeError"
        clock.shift(7 * DAY - SECOND)
        newest = scenario.sign_up()
        assert outcome(confirm, newest, scenario.code()) == "TooManyTriesError"
        clock.shift(SECOND)
        assert outcome(confirm, newest, scenario.code()) == "confirmed"


def test_guesses_at_once_on_old_and_new_pages_are_counted_one_by_one(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        pages = [scenario.sign_up()]
        clock.shift(8 * DAY)
        pages += [scenario.sign_up(), hold(scenario)]
        others = [other_process(scenario)[0] for _ in range(16)]
        found = at_once(
            [
                partial(outcome, one, pages[number % 3], "no code")
                for number, one in enumerate(others)
            ]
        )
    assert sorted(found) == ["TooManyTriesError"] * 6 + ["WrongCodeError"] * CODE_TRIES


def test_a_code_does_not_live_longer_than_what_counts_its_guesses(scenario: Scenario):
    confirm, _ = other_process(scenario, confirm_days=60)
    with time_machine.travel(NOON, tick=False) as clock:
        page, code, link = scenario.sign_up(), scenario.code(), scenario.confirm_link()
        clock.shift(CODE_LIFE_MAX)
        assert outcome(confirm, page, code) == "WrongCodeError"
        clock.shift(-SECOND)
        assert outcome(confirm, page, code) == "confirmed"
        clock.move_to(NOON + 60 * DAY)
        assert confirm.act(link, HERE).state is LinkState.DONE


def test_the_code_of_an_ended_cycle_does_not_revive_it(scenario: Scenario):
    token, code = scenario.sign_up(), scenario.code()
    scenario.confirm()
    scenario.leave()
    with pytest.raises(WrongCodeError):
        scenario.services.confirm.by_code(token, code, HERE)
    assert scenario.subscription().status == "unsubscribed"


def test_another_persons_code_does_not_count(scenario: Scenario):
    scenario.sign_up("bob@example.org")
    token = scenario.sign_up()
    code = scenario.code("bob@example.org")
    if code != scenario.code():
        with pytest.raises(WrongCodeError):
            scenario.services.confirm.by_code(token, code, HERE)


def test_a_code_typed_for_a_signup_that_was_not_taken_is_wrong(scenario: Scenario):
    nobodys = scenario.tokens.status.issue(new_id())
    for _ in range(CODE_TRIES):
        with pytest.raises(WrongCodeError):
            scenario.services.confirm.by_code(nobodys, "123456", HERE)
    with pytest.raises(TooManyTriesError):
        scenario.services.confirm.by_code(nobodys, "123456", HERE)
    with pytest.raises(LinkForgedError):
        scenario.services.confirm.by_code("forged", "123456", HERE)


# --- unsubscribe and undo ---


@pytest.mark.parametrize("one_click", [True, False])
def test_leaving_again_is_the_same(scenario: Scenario, one_click: bool):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        scenario.confirm()
        link = scenario.unsubscribe_link()
        for _ in range(3):
            view = scenario.services.unsubscribe.act(link, HERE, one_click=one_click)
            assert view.state is LinkState.DONE
            clock.shift(MINUTE)
    subscription = scenario.subscription()
    assert (subscription.status, subscription.ended_at) == ("unsubscribed", NOON)
    assert subscription.ended_reason == ("one_click" if one_click else "unsubscribed")
    assert subscription.confirmed_at == NOON
    assert scenario.ledger() == ["requested", "confirmed", "unsubscribed"]
    assert scenario.services.unsubscribe.show(link).state is LinkState.DONE


def test_many_leave_posts_at_once_are_one_leaving(scenario: Scenario):
    scenario.sign_up()
    scenario.confirm()
    link = scenario.unsubscribe_link()
    others = [other_process(scenario)[1] for _ in range(16)]
    views = at_once([partial(one.act, link, HERE, one_click=True) for one in others])
    assert {view.state for view in views} == {LinkState.DONE}
    assert scenario.ledger() == ["requested", "confirmed", "unsubscribed"]


def test_an_unsubscribe_link_never_expires_and_outlives_its_cycle(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        scenario.confirm()
        link = scenario.unsubscribe_link()
        scenario.leave()
        scenario.sign_up()
        scenario.confirm()
        clock.move_to(NOON + 3000 * DAY)
        assert scenario.services.unsubscribe.show(link).state is LinkState.OPEN
        scenario.services.unsubscribe.act(link, HERE, one_click=True)
    assert scenario.subscription().status == "unsubscribed"
    assert scenario.subscription().epoch == 2


def test_a_link_leaves_its_own_lists_and_no_other(scenario: Scenario):
    scenario.make_lists("daily")
    scenario.sign_up(ADA, "daily")
    link = scenario.unsubscribe_link()
    scenario.confirm()
    scenario.sign_up()
    scenario.confirm()
    scenario.services.unsubscribe.act(link, HERE, one_click=True)
    assert scenario.subscription(ADA, "daily").status == "unsubscribed"
    assert scenario.subscription().status == "confirmed"


def test_the_link_of_an_erased_person_is_done(scenario: Scenario):
    scenario.sign_up()
    link = scenario.unsubscribe_link()
    scenario.erase(ADA)
    view = scenario.services.unsubscribe.act(link, HERE, one_click=True)
    assert (view.state, view.undo_token) == (LinkState.DONE, None)


def test_leaving_can_be_taken_back_for_an_hour(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        scenario.confirm()
        undo = scenario.leave()
        assert undo is not None
        clock.move_to(NOON + UNDO_WITHIN)
        for _ in range(3):
            assert scenario.services.unsubscribe.undo(undo, HERE).state is LinkState.DONE
    subscription = scenario.subscription()
    assert (subscription.status, subscription.ended_at) == ("confirmed", None)
    assert (subscription.confirmed_at, subscription.epoch) == (NOON, 1)
    assert scenario.ledger() == ["requested", "confirmed", "unsubscribed", "resumed"]


def test_after_an_hour_it_cannot_even_by_a_second_click_on_leave(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        scenario.confirm()
        first = scenario.leave()
        clock.move_to(NOON + UNDO_WITHIN + SECOND)
        assert first is not None
        with pytest.raises(LinkExpiredError):
            scenario.services.unsubscribe.undo(first, HERE)
        again = scenario.leave()
        assert again is None or (
            scenario.services.unsubscribe.undo(again, HERE).state is LinkState.ENDED
        )
    assert scenario.subscription().status == "unsubscribed"


def test_leaving_what_was_never_confirmed_cannot_be_taken_back(scenario: Scenario):
    scenario.sign_up()
    assert scenario.leave() is None
    forced = scenario.tokens.undo.issue(scenario.scope(), at=scenario.subscription().ended_at)
    assert scenario.services.unsubscribe.undo(forced, HERE).state is LinkState.ENDED
    assert scenario.subscription().status == "unsubscribed"


def test_taking_back_does_not_reach_into_the_next_cycle(scenario: Scenario):
    scenario.sign_up()
    scenario.confirm()
    undo = scenario.leave()
    scenario.sign_up()
    assert undo is not None
    assert scenario.services.unsubscribe.undo(undo, HERE).state is LinkState.ENDED
    assert scenario.subscription().status == "pending"


@pytest.mark.parametrize("reason", ["hard_bounce", "complaint", "provider_unsubscribe", "admin"])
def test_what_others_ended_is_not_taken_back(scenario: Scenario, reason: str):
    scenario.sign_up()
    scenario.confirm()
    undo = scenario.leave()
    assert undo is not None
    scenario.end(ADA, reason)
    assert scenario.services.unsubscribe.undo(undo, HERE).state is LinkState.ENDED


def test_a_reason_is_kept_beside_the_leaving(scenario: Scenario):
    scenario.sign_up()
    scenario.confirm()
    undo = scenario.leave()
    assert undo is not None
    scenario.services.unsubscribe.give_reason(undo, " too\0 many \n")
    scenario.services.unsubscribe.give_reason(undo, "  \0 ")
    assert scenario.ledger() == ["requested", "confirmed", "unsubscribed", "reason_given"]


def test_a_link_for_more_lists_does_each_part_that_is_open(scenario: Scenario):
    scenario.make_lists("daily")
    scenario.sign_up(ADA, "daily", "news-flash")
    both = scenario.confirm_link()
    scenario.services.unsubscribe.act(
        scenario.tokens.unsubscribe.issue(
            LinkScope(scenario.person().id, (SubscriptionRef(scenario.list_id("daily"), 1),)),
            at=NOON,
        ),
        HERE,
        one_click=True,
    )
    assert scenario.services.confirm.act(both, HERE).state is LinkState.DONE
    assert scenario.subscription(ADA, "daily").status == "unsubscribed"
    assert scenario.subscription().status == "confirmed"
