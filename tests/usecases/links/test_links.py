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
    Cycles,
    SubscriptionRef,
)
from service.store.tables.intake import CodeTries
from service.store.types import new_id
from service.usecases.links.confirm import Confirm, forget_code_tries
from service.usecases.links.unsubscribe import Unsubscribe
from service.usecases.links.views import LinkState
from service.usecases.lists.consent_texts import ConsentTexts
from service.usecases.lists.lists import Lists
from service.usecases.signup.subscribe import SignupRequest
from tests.store.world import ADA, NOON, World

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


def other_process(world: World, *, confirm_days: int = 7) -> tuple[Confirm, Unsubscribe]:
    """The same use cases sharing nothing with the first ones but the database."""
    lists = Lists(world.engine)
    return (
        Confirm(
            world.engine,
            lists=lists,
            texts=ConsentTexts(world.engine, lists=lists),
            tokens=world.tokens,
            address_hash_key=world.usecases.settings.address_hash_key,
            confirm_days=confirm_days,
            mail_is_due=lambda: None,
        ),
        Unsubscribe(world.engine, lists=lists, tokens=world.tokens),
    )


# --- confirm ---


def test_looking_changes_nothing(world: World):
    world.sign_up()
    confirm, leave = world.confirm_link(), world.unsubscribe_link()
    before = world.subscription()
    for _ in range(5):
        assert world.usecases.confirm.show(confirm).state is LinkState.OPEN
        assert world.usecases.unsubscribe.show(leave).state is LinkState.OPEN
    assert world.subscription() == before
    assert world.ledger() == ["requested"]


def test_a_link_confirms_once_however_often_it_is_posted(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        world.sign_up()
        link = world.confirm_link()
        clock.shift(MINUTE)
        for _ in range(3):
            view = world.usecases.confirm.act(link, HERE)
            assert view.state is LinkState.DONE
            assert [info.slug for info in view.lists] == ["news-flash"]
            clock.shift(MINUTE)
        assert world.usecases.confirm.show(link).state is LinkState.DONE
    subscription = world.subscription()
    assert (subscription.status, subscription.confirmed_at) == ("confirmed", NOON + MINUTE)
    assert world.ledger() == ["requested", "confirmed"]


@pytest.mark.parametrize("kind", ["one process", "many processes"])
def test_a_link_posted_by_many_at_once_confirms_once(world: World, kind: str):
    world.sign_up()
    link = world.confirm_link()
    confirms = [
        world.usecases.confirm if kind == "one process" else other_process(world)[0]
        for _ in range(16)
    ]
    views = at_once([partial(one.act, link, HERE) for one in confirms])
    assert {view.state for view in views} == {LinkState.DONE}
    assert world.ledger() == ["requested", "confirmed"]


def test_a_link_expires_after_its_days_and_not_before(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        world.sign_up()
        link = world.confirm_link()
        clock.move_to(NOON + 7 * DAY)
        assert world.usecases.confirm.show(link).state is LinkState.OPEN
        clock.shift(SECOND)
        with pytest.raises(LinkExpiredError):
            world.usecases.confirm.show(link)
        with pytest.raises(LinkExpiredError):
            world.usecases.confirm.act(link, HERE)
    assert world.subscription().status == "pending"


def test_an_expired_link_can_be_renewed_within_the_budget(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        world.sign_up()
        link = world.confirm_link()
        clock.move_to(NOON + 8 * DAY)
        token = world.usecases.confirm.renew(link, HERE)
        assert world.tokens.status.read(token) == world.messages()[-1].id
        world.usecases.confirm.renew(link, HERE)
        assert world.owed() == ["confirm", "confirm"]
        for _ in range(4):
            clock.shift(11 * MINUTE)
            world.usecases.confirm.renew(link, HERE)
        assert len(world.owed()) == 1 + 3
        world.confirm()
    assert world.subscription().status == "confirmed"
    assert world.subscription().requested_at == NOON


@pytest.mark.parametrize("since", ["confirmed", "left", "signed up again", "erased"])
def test_there_is_nothing_to_renew_once_a_cycle_is_over(world: World, since: str):
    with time_machine.travel(NOON, tick=False) as clock:
        world.sign_up()
        link = world.confirm_link()
        if since != "left":
            world.confirm()
        if since in ("left", "signed up again"):
            world.leave()
        if since == "signed up again":
            world.sign_up()
        clock.move_to(NOON + 8 * DAY)
        if since == "erased":
            world.erase(ADA)
            token = world.usecases.confirm.renew(link, HERE)
        else:
            owed = len(world.messages())
            token = world.usecases.confirm.renew(link, HERE)
            assert len(world.messages()) == owed
    assert len(token) == len(world.tokens.status.issue(uuid4()))


def test_renewals_at_once_are_one_mail(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        world.sign_up()
        link = world.confirm_link()
        clock.move_to(NOON + 8 * DAY)
        others = [other_process(world)[0] for _ in range(8)]
        at_once([partial(one.renew, link, HERE) for one in others])
    assert world.owed() == ["confirm", "confirm"]


def test_an_old_link_never_revives_someone_who_left(world: World):
    world.sign_up()
    link = world.confirm_link()
    world.usecases.confirm.act(link, HERE)
    world.leave()
    assert world.usecases.confirm.act(link, HERE).state is LinkState.ENDED
    assert world.usecases.confirm.show(link).state is LinkState.ENDED
    assert world.subscription().status == "unsubscribed"
    world.sign_up()
    assert world.usecases.confirm.act(link, HERE).state is LinkState.ENDED
    assert world.subscription().status == "pending"
    assert world.usecases.confirm.act(world.confirm_link(), HERE).state is LinkState.DONE
    assert world.subscription().epoch == 2


def test_a_link_never_used_does_not_revive_either(world: World):
    world.sign_up()
    link = world.confirm_link()
    world.leave()
    assert world.usecases.confirm.act(link, HERE).state is LinkState.ENDED
    assert world.subscription().status == "unsubscribed"


def test_confirming_and_leaving_at_once_ends_in_one_of_both_and_the_ledger_agrees(world: World):
    for number in range(6):
        email = f"p{number}@example.org"
        world.sign_up(email)
        confirm, leave = world.confirm_link(email), world.unsubscribe_link(email)
        one, two = other_process(world), other_process(world)
        posts: list[Callable[[], object]] = [
            partial(one[0].act, confirm, HERE),
            partial(two[1].act, leave, HERE, one_click=True),
            partial(two[0].act, confirm, HERE),
        ]
        at_once(posts)
        assert world.subscription(email).status == "unsubscribed"
        # Each carries the time at which it was asked for; which came first is the lock's to say.
        acts = set(world.ledger(email)) - {"confirmed"}
        assert acts == {"requested", "unsubscribed"}
        assert len(world.ledger(email)) == len(set(world.ledger(email)))


def test_a_link_for_a_list_that_is_gone_for_the_person_is_ended(world: World):
    world.sign_up()
    link = world.confirm_link()
    world.erase(ADA)
    assert world.usecases.confirm.act(link, HERE).state is LinkState.ENDED
    assert world.usecases.confirm.show(link).state is LinkState.ENDED


def test_a_link_that_names_no_list_is_forged(world: World):
    world.sign_up()
    empty = world.tokens.confirm.issue(Cycles(world.person().id, ()), at=NOON)
    with time_machine.travel(NOON), pytest.raises(LinkForgedError):
        world.usecases.confirm.act(empty, HERE)


# --- the code ---


def test_the_code_confirms_where_the_signup_was_made(world: World):
    token = world.sign_up()
    code = world.code()
    for typed in (code, f" {code[:3]} {code[3:]} ", f"{code[:3]}-{code[3:]}"):
        assert world.usecases.confirm.by_code(token, typed, HERE).is_confirmed
    assert world.subscription().status == "confirmed"
    assert world.ledger() == ["requested", "confirmed"]


@pytest.mark.parametrize("zero", ["\u0660", "\u06f0", "\uff10", "\u0966"])
def test_the_code_may_be_typed_in_digits_of_another_script(world: World, zero: str):
    token = world.sign_up()
    typed = "".join(chr(ord(zero) + int(digit)) for digit in world.code())
    assert world.usecases.confirm.by_code(token, typed, HERE).is_confirmed


@pytest.mark.parametrize("typed", ["", "12345", "x" * 10_000, "²²²²²²", "\0", "1" * 7, "½", "-1"])
def test_anything_else_is_a_wrong_code(world: World, typed: str):
    token = world.sign_up()
    with pytest.raises(WrongCodeError):
        world.usecases.confirm.by_code(token, typed, HERE)
    assert tries_on(world, world.messages()[0].id) == 1
    assert world.subscription().status == "pending"


def tries_on(world: World, message_id: UUID) -> int:
    found = world.rows(select(CodeTries.tries).where(CodeTries.message_id == message_id))
    return found[0].tries if found else 0


def wrong(world: World, place: int = -1) -> str:
    return f"{(int(world.code(place=place)) + 1) % 10**6:06}"


def outcome(confirm: Confirm, token: str, code: str) -> str:
    try:
        confirm.by_code(token, code, HERE)
    except (WrongCodeError, TooManyTriesError) as error:
        return type(error).__name__
    return "confirmed"


LOCKED_AFTER_TEN = ["WrongCodeError"] * CODE_TRIES + ["TooManyTriesError"]


def test_wrong_codes_are_counted_over_all_signups_of_the_address(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        first = world.sign_up()
        clock.shift(11 * MINUTE)
        second = world.sign_up()
        for token in [first, second] * (CODE_TRIES // 2):
            with pytest.raises(WrongCodeError):
                world.usecases.confirm.by_code(token, wrong(world), HERE)
        for token in (first, second):
            with pytest.raises(TooManyTriesError):
                world.usecases.confirm.by_code(token, world.code(), HERE)
        clock.shift(11 * MINUTE)
        with pytest.raises(TooManyTriesError):
            world.usecases.confirm.by_code(world.sign_up(), world.code(), HERE)
        assert world.subscription().status == "pending"
        world.confirm()
    assert world.subscription().status == "confirmed"


def test_guesses_at_once_do_not_get_more_tries(world: World):
    token = world.sign_up()
    guess = wrong(world)
    others = [other_process(world)[0] for _ in range(16)]
    found = at_once([partial(outcome, one, token, guess) for one in others])
    assert sorted(found) == ["TooManyTriesError"] * 6 + ["WrongCodeError"] * CODE_TRIES
    assert tries_on(world, world.messages()[0].id) == CODE_TRIES


def hold(world: World, email: str = ADA) -> str:
    return world.usecases.subscribe(SignupRequest(email=email, evidence=Evidence()), risk=TRAPPED)


@pytest.mark.parametrize("is_known", [True, False])
def test_wrong_codes_for_a_held_signup_count_against_its_address(world: World, is_known: bool):
    """Whether the address has signups that were taken, or held ones only."""
    pages = [world.sign_up() if is_known else hold(world), hold(world)]
    hold(world, "bob@example.org")
    for token in pages * (CODE_TRIES // 2):
        with pytest.raises(WrongCodeError):
            world.usecases.confirm.by_code(token, "no code", HERE)
    for token in [*pages, hold(world), world.sign_up()]:
        with pytest.raises(TooManyTriesError):
            world.usecases.confirm.by_code(token, "no code", HERE)
    with pytest.raises(WrongCodeError):
        world.usecases.confirm.by_code(hold(world, "bob@example.org"), "no code", HERE)


def test_guesses_at_once_for_a_held_signup_are_counted_one_by_one(world: World):
    pages = [hold(world), hold(world)]
    others = [other_process(world)[0] for _ in range(16)]
    found = at_once(
        [partial(outcome, one, pages[number % 2], "no code") for number, one in enumerate(others)]
    )
    assert sorted(found) == ["TooManyTriesError"] * 6 + ["WrongCodeError"] * CODE_TRIES


def test_the_code_of_an_earlier_mail_confirms_on_the_page_of_a_held_signup(world: World):
    world.sign_up()
    code = world.code()
    assert world.usecases.confirm.by_code(hold(world), code, HERE).is_confirmed
    assert world.subscription().status == "confirmed"


@pytest.mark.parametrize("what", ["release", "drop", "erase"])
def test_a_locked_page_stays_locked_whatever_becomes_of_its_signup(world: World, what: str):
    token = world.sign_up() if what == "erase" else hold(world)
    for _ in range(CODE_TRIES):
        with pytest.raises(WrongCodeError):
            world.usecases.confirm.by_code(token, "no code", HERE)
    if what == "erase":
        world.erase(ADA)
    else:
        [held] = world.usecases.held.page(limit=2)
        act = world.usecases.held.release if what == "release" else world.usecases.held.drop
        act(held.held.signup.message_id, actor="test")
    with pytest.raises(TooManyTriesError):
        world.usecases.confirm.by_code(token, "no code", HERE)


def test_wrong_codes_are_forgotten_once_the_links_have_expired(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        token = world.sign_up()
        for _ in range(CODE_TRIES):
            with pytest.raises(WrongCodeError):
                world.usecases.confirm.by_code(token, "no code", HERE)
        clock.shift(7 * DAY)
        assert forget_code_tries(world.engine, confirm_days=7) == 0
        clock.shift(MINUTE)
        assert forget_code_tries(world.engine, confirm_days=7) == 1
        with pytest.raises(WrongCodeError):
            world.usecases.confirm.by_code(token, "no code", HERE)


def test_a_code_lives_as_long_as_its_link(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        token, code = world.sign_up(), world.code()
        clock.move_to(NOON + 7 * DAY)
        with pytest.raises(WrongCodeError):
            world.usecases.confirm.by_code(token, code, HERE)


@pytest.mark.parametrize("kind", ["taken", "held"])
def test_pages_prepared_long_ago_do_not_give_more_guesses_at_a_new_code(world: World, kind: str):
    with time_machine.travel(NOON, tick=False) as clock:
        pages = [world.sign_up() if kind == "taken" else hold(world) for _ in range(4)]
        clock.shift(7 * DAY + MINUTE)
        newest = world.sign_up()
        guesses = [(token, "no code") for token in pages * 3]
        found = [outcome(world.usecases.confirm, *guess) for guess in guesses]
        assert found == [*LOCKED_AFTER_TEN, "TooManyTriesError"]
        assert outcome(world.usecases.confirm, newest, world.code()) == "TooManyTriesError"
    assert world.subscription().status == "pending"


@pytest.mark.parametrize("kind", ["taken", "held", "gone"])
def test_on_a_page_older_than_a_code_every_code_is_wrong(world: World, kind: str):
    with time_machine.travel(NOON, tick=False) as clock:
        page = world.sign_up() if kind == "taken" else hold(world)
        if kind == "gone":
            [held] = world.usecases.held.page(limit=2)
            world.usecases.held.drop(held.held.signup.message_id, actor="test")
        clock.shift(7 * DAY)
        world.sign_up()
        right = world.code()
        found = [outcome(world.usecases.confirm, page, right) for _ in range(CODE_TRIES + 1)]
    assert found == LOCKED_AFTER_TEN
    assert world.subscription().status == "pending"


def test_a_wrong_code_counts_for_the_life_of_a_code_since_it_was_typed(world: World):
    confirm = world.usecases.confirm
    with time_machine.travel(NOON, tick=False) as clock:
        page = world.sign_up()
        assert outcome(confirm, page, "no code") == "WrongCodeError"
        clock.shift(6 * DAY)
        for _ in range(CODE_TRIES - 1):
            assert outcome(confirm, page, "no code") == "WrongCodeError"
        clock.shift(7 * DAY - SECOND)
        newest = world.sign_up()
        assert outcome(confirm, newest, world.code()) == "TooManyTriesError"
        clock.shift(SECOND)
        assert outcome(confirm, newest, world.code()) == "confirmed"


def test_guesses_at_once_on_old_and_new_pages_are_counted_one_by_one(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        pages = [world.sign_up()]
        clock.shift(8 * DAY)
        pages += [world.sign_up(), hold(world)]
        others = [other_process(world)[0] for _ in range(16)]
        found = at_once(
            [
                partial(outcome, one, pages[number % 3], "no code")
                for number, one in enumerate(others)
            ]
        )
    assert sorted(found) == ["TooManyTriesError"] * 6 + ["WrongCodeError"] * CODE_TRIES


def test_a_code_does_not_live_longer_than_what_counts_its_guesses(world: World):
    confirm, _ = other_process(world, confirm_days=60)
    with time_machine.travel(NOON, tick=False) as clock:
        page, code, link = world.sign_up(), world.code(), world.confirm_link()
        clock.shift(CODE_LIFE_MAX)
        assert outcome(confirm, page, code) == "WrongCodeError"
        clock.shift(-SECOND)
        assert outcome(confirm, page, code) == "confirmed"
        clock.move_to(NOON + 60 * DAY)
        assert confirm.act(link, HERE).state is LinkState.DONE


def test_the_code_of_an_ended_cycle_does_not_revive_it(world: World):
    token, code = world.sign_up(), world.code()
    world.confirm()
    world.leave()
    with pytest.raises(WrongCodeError):
        world.usecases.confirm.by_code(token, code, HERE)
    assert world.subscription().status == "unsubscribed"


def test_another_persons_code_does_not_count(world: World):
    world.sign_up("bob@example.org")
    token = world.sign_up()
    code = world.code("bob@example.org")
    if code != world.code():
        with pytest.raises(WrongCodeError):
            world.usecases.confirm.by_code(token, code, HERE)


def test_a_code_typed_for_a_signup_that_was_not_taken_is_wrong(world: World):
    nobodys = world.tokens.status.issue(new_id())
    for _ in range(CODE_TRIES):
        with pytest.raises(WrongCodeError):
            world.usecases.confirm.by_code(nobodys, "123456", HERE)
    with pytest.raises(TooManyTriesError):
        world.usecases.confirm.by_code(nobodys, "123456", HERE)
    with pytest.raises(LinkForgedError):
        world.usecases.confirm.by_code("forged", "123456", HERE)


# --- unsubscribe and undo ---


@pytest.mark.parametrize("one_click", [True, False])
def test_leaving_again_is_the_same(world: World, one_click: bool):
    with time_machine.travel(NOON, tick=False) as clock:
        world.sign_up()
        world.confirm()
        link = world.unsubscribe_link()
        for _ in range(3):
            view = world.usecases.unsubscribe.act(link, HERE, one_click=one_click)
            assert view.state is LinkState.DONE
            clock.shift(MINUTE)
    subscription = world.subscription()
    assert (subscription.status, subscription.ended_at) == ("unsubscribed", NOON)
    assert subscription.ended_reason == ("one_click" if one_click else "unsubscribed")
    assert subscription.confirmed_at == NOON
    assert world.ledger() == ["requested", "confirmed", "unsubscribed"]
    assert world.usecases.unsubscribe.show(link).state is LinkState.DONE


def test_many_leave_posts_at_once_are_one_leaving(world: World):
    world.sign_up()
    world.confirm()
    link = world.unsubscribe_link()
    others = [other_process(world)[1] for _ in range(16)]
    views = at_once([partial(one.act, link, HERE, one_click=True) for one in others])
    assert {view.state for view in views} == {LinkState.DONE}
    assert world.ledger() == ["requested", "confirmed", "unsubscribed"]


def test_an_unsubscribe_link_never_expires_and_outlives_its_cycle(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        world.sign_up()
        world.confirm()
        link = world.unsubscribe_link()
        world.leave()
        world.sign_up()
        world.confirm()
        clock.move_to(NOON + 3000 * DAY)
        assert world.usecases.unsubscribe.show(link).state is LinkState.OPEN
        world.usecases.unsubscribe.act(link, HERE, one_click=True)
    assert world.subscription().status == "unsubscribed"
    assert world.subscription().epoch == 2


def test_a_link_leaves_its_own_lists_and_no_other(world: World):
    world.make_lists("daily")
    world.sign_up(ADA, "daily")
    link = world.unsubscribe_link()
    world.confirm()
    world.sign_up()
    world.confirm()
    world.usecases.unsubscribe.act(link, HERE, one_click=True)
    assert world.subscription(ADA, "daily").status == "unsubscribed"
    assert world.subscription().status == "confirmed"


def test_the_link_of_an_erased_person_is_done(world: World):
    world.sign_up()
    link = world.unsubscribe_link()
    world.erase(ADA)
    view = world.usecases.unsubscribe.act(link, HERE, one_click=True)
    assert (view.state, view.undo_token) == (LinkState.DONE, None)


def test_leaving_can_be_taken_back_for_an_hour(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        world.sign_up()
        world.confirm()
        undo = world.leave()
        assert undo is not None
        clock.move_to(NOON + UNDO_WITHIN)
        for _ in range(3):
            assert world.usecases.unsubscribe.undo(undo, HERE).state is LinkState.DONE
    subscription = world.subscription()
    assert (subscription.status, subscription.ended_at) == ("confirmed", None)
    assert (subscription.confirmed_at, subscription.epoch) == (NOON, 1)
    assert world.ledger() == ["requested", "confirmed", "unsubscribed", "resumed"]


def test_after_an_hour_it_cannot_even_by_a_second_click_on_leave(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        world.sign_up()
        world.confirm()
        first = world.leave()
        clock.move_to(NOON + UNDO_WITHIN + SECOND)
        assert first is not None
        with pytest.raises(LinkExpiredError):
            world.usecases.unsubscribe.undo(first, HERE)
        again = world.leave()
        assert again is None or (
            world.usecases.unsubscribe.undo(again, HERE).state is LinkState.ENDED
        )
    assert world.subscription().status == "unsubscribed"


def test_leaving_what_was_never_confirmed_cannot_be_taken_back(world: World):
    world.sign_up()
    assert world.leave() is None
    forced = world.tokens.undo.issue(world.cycles(), at=world.subscription().ended_at)
    assert world.usecases.unsubscribe.undo(forced, HERE).state is LinkState.ENDED
    assert world.subscription().status == "unsubscribed"


def test_taking_back_does_not_reach_into_the_next_cycle(world: World):
    world.sign_up()
    world.confirm()
    undo = world.leave()
    world.sign_up()
    assert undo is not None
    assert world.usecases.unsubscribe.undo(undo, HERE).state is LinkState.ENDED
    assert world.subscription().status == "pending"


@pytest.mark.parametrize("reason", ["hard_bounce", "complaint", "provider_unsubscribe", "admin"])
def test_what_others_ended_is_not_taken_back(world: World, reason: str):
    world.sign_up()
    world.confirm()
    undo = world.leave()
    assert undo is not None
    world.end(ADA, reason)
    assert world.usecases.unsubscribe.undo(undo, HERE).state is LinkState.ENDED


def test_a_reason_is_kept_beside_the_leaving(world: World):
    world.sign_up()
    world.confirm()
    undo = world.leave()
    assert undo is not None
    world.usecases.unsubscribe.give_reason(undo, " too\0 many \n")
    world.usecases.unsubscribe.give_reason(undo, "  \0 ")
    assert world.ledger() == ["requested", "confirmed", "unsubscribed", "reason_given"]


def test_a_link_for_more_lists_does_each_part_that_is_open(world: World):
    world.make_lists("daily")
    world.sign_up(ADA, "daily", "news-flash")
    both = world.confirm_link()
    world.usecases.unsubscribe.act(
        world.tokens.unsubscribe.issue(
            Cycles(world.person().id, (SubscriptionRef(world.list_id("daily"), 1),)), at=NOON
        ),
        HERE,
        one_click=True,
    )
    assert world.usecases.confirm.act(both, HERE).state is LinkState.DONE
    assert world.subscription(ADA, "daily").status == "unsubscribed"
    assert world.subscription().status == "confirmed"
