"""Signing up, on both databases: one rule book, whatever was there before."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import permutations
from uuid import UUID, uuid4

import pytest
import time_machine
from flask import Flask
from sqlalchemy import Engine, func, select, text, update

from service.clock import utc_now
from service.domain.address import parse_address
from service.domain.consent import Evidence
from service.domain.errors import AddressError, InvalidInputError, UnknownListError
from service.domain.subscription import MAX_LISTS, LinkScope, SubscriptionRef
from service.store.links import acts as acts_store
from service.store.links.acts import Act
from service.store.signup.signups import Signup, record_signups
from service.store.tables.base import db
from service.store.tables.people import Subscriber, Subscription
from service.store.types import new_id
from service.usecases.lists.consent_texts import ConsentTexts
from service.usecases.lists.lists import Lists
from service.usecases.signup.subscribe import SignupRequest, Subscribe
from tests.scenario import ADA, NOON, Scenario, counted

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
STATES = ("new", "pending", "confirmed", "unsubscribed", "suppressed", "over budget")


def bring_to(scenario: Scenario, state: str, email: str) -> None:
    """Bring an address into a state, a while before now."""
    if state == "new":
        return
    if state == "suppressed":
        scenario.suppress(email, "hard_bounce")
        return
    with time_machine.travel(utc_now() - timedelta(hours=2), tick=False):
        scenario.sign_up(email)
        if state in ("confirmed", "unsubscribed"):
            scenario.confirm(email)
        if state == "unsubscribed":
            scenario.leave(email)
    if state == "over budget":
        for minutes in (90, 60):
            with time_machine.travel(utc_now() - timedelta(minutes=minutes), tick=False):
                scenario.sign_up(email)


def test_a_new_address_is_pending_and_is_owed_one_mail(scenario: Scenario):
    evidence = Evidence(source="https://site.example/", locale="de-AT", ip="203.0.113.0/24")
    with time_machine.travel(NOON, tick=False):
        scenario.sign_up(
            "Ada@Example.org", name="Ada", attributes={"plan": ["a", 1, None]}, evidence=evidence
        )
    person = scenario.person()
    assert (person.email, person.email_key) == ("Ada@Example.org", ADA)
    assert (person.name, person.locale) == ("Ada", "de-AT")
    assert person.attributes == {"plan": ["a", 1, None]}
    assert person.created_at == NOON
    subscription = scenario.subscription()
    assert (subscription.status, subscription.epoch) == ("pending", 1)
    assert (subscription.requested_at, subscription.confirmed_at) == (NOON, None)
    assert (subscription.source, subscription.consent_text_version) == (evidence.source, "1")
    (message,) = scenario.messages()
    assert (message.kind, message.status, message.locale) == ("confirm", "queued", "de-AT")
    assert message.refs == [[str(scenario.list_id()), 1]]
    assert (message.created_at, message.next_attempt_at, message.attempts) == (NOON, NOON, 0)
    assert scenario.ledger() == ["requested"]


def test_a_signup_that_names_no_language_takes_the_lists(scenario: Scenario):
    scenario.services.lists.create(slug="neues", name="Neues", actor="test", locale="de")
    scenario.sign_up(ADA, "neues")
    assert scenario.person().locale == "de"


def test_the_message_is_the_one_that_the_status_link_names(scenario: Scenario):
    token = scenario.sign_up()
    assert scenario.tokens.status.read(token) == scenario.messages()[0].id


@pytest.mark.parametrize("state", STATES)
def test_every_signup_is_the_same_work_and_the_same_answer(
    scenario: Scenario, app: Flask, state: str
):
    emails = {name: f"{name.replace(' ', '-')}@example.org" for name in STATES}
    bring_to(scenario, state, emails[state])
    scenario.sign_up("warm@example.org")
    with app.app_context():
        engine = db.engine
    with counted(engine) as ours:
        token = scenario.sign_up(emails[state])
    with counted(engine) as new:
        other = scenario.sign_up("brand-new@example.org")
    assert ours == new
    assert len(token) == len(other)
    # A message each, owed or withheld, so that the status page has one to look up.
    assert scenario.tokens.status.read(token) in [
        row.id for row in scenario.messages(emails[state])
    ]


def test_a_repeat_within_ten_minutes_mails_once(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        clock.shift(10 * MINUTE - timedelta(seconds=1))
        scenario.sign_up()
        assert scenario.owed() == ["confirm"]
        clock.shift(timedelta(seconds=1))
        scenario.sign_up()
        assert scenario.owed() == ["confirm", "confirm"]
    assert scenario.subscription().requested_at == NOON
    assert scenario.subscription().epoch == 1
    assert scenario.ledger() == ["requested"] * 2


def test_an_address_gets_three_mails_a_day_over_all_lists(scenario: Scenario):
    scenario.make_lists("daily", "weekly", "yearly")
    with time_machine.travel(NOON, tick=False) as clock:
        for slug in ("news-flash", "daily", "weekly", "yearly"):
            scenario.sign_up(ADA, slug)
            clock.shift(timedelta(hours=1))
        assert scenario.owed() == ["confirm"] * 3
        assert scenario.messages()[-1].status == "withheld"
        assert scenario.subscription(ADA, "yearly").status == "pending"
        clock.move_to(NOON + DAY - timedelta(seconds=1))
        scenario.sign_up(ADA, "yearly")
        assert len(scenario.owed()) == 3
        clock.move_to(NOON + DAY)
        scenario.sign_up(ADA, "yearly")
        assert len(scenario.owed()) == 4


def test_one_persons_budget_is_not_anothers(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(4):
            scenario.sign_up()
            clock.shift(11 * MINUTE)
        scenario.sign_up("bob@example.org")
    assert len(scenario.owed()) == 3
    assert len(scenario.owed("bob@example.org")) == 1


def test_a_confirmed_address_is_told_so_and_stays_as_it_is(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up(evidence=Evidence(source="first"))
        clock.shift(MINUTE)
        scenario.confirm()
        before = scenario.subscription()
        clock.shift(11 * MINUTE)
        scenario.sign_up(evidence=Evidence(source="second"))
    assert scenario.owed() == ["confirm", "already_subscribed"]
    assert scenario.subscription() == before


def test_after_leaving_a_signup_begins_a_new_cycle_and_is_mailed_at_once(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        scenario.confirm()
        scenario.leave()
        clock.shift(MINUTE)
        scenario.sign_up()
    subscription = scenario.subscription()
    assert (subscription.status, subscription.epoch) == ("pending", 2)
    assert (subscription.requested_at, subscription.confirmed_at) == (NOON + MINUTE, None)
    assert (subscription.ended_at, subscription.ended_reason) == (None, None)
    assert scenario.owed() == ["confirm", "confirm"]
    assert scenario.messages()[-1].refs == [[str(scenario.list_id()), 2]]


def test_leaving_before_confirming_begins_a_new_cycle_too(scenario: Scenario):
    scenario.sign_up()
    scenario.leave()
    scenario.sign_up()
    assert (scenario.subscription().status, scenario.subscription().epoch) == ("pending", 2)
    assert scenario.owed() == ["confirm", "confirm"]


def test_several_lists_are_one_mail(scenario: Scenario):
    scenario.make_lists("daily", "weekly")
    scenario.sign_up(ADA, "weekly", "news-flash", "daily", "weekly")
    (message,) = scenario.messages()
    wanted = sorted(str(scenario.list_id(slug)) for slug in ("daily", "news-flash", "weekly"))
    assert message.refs == [[list_id, 1] for list_id in wanted]
    assert scenario.ledger() == ["requested"] * 3
    scenario.confirm()
    for slug in ("daily", "news-flash", "weekly"):
        assert scenario.subscription(ADA, slug).status == "confirmed"


@pytest.mark.parametrize("order", list(permutations(("daily", "news-flash", "weekly")))[1:3])
def test_the_same_lists_in_another_order_are_the_same_request(
    scenario: Scenario, order: tuple[str, ...]
):
    scenario.make_lists("daily", "weekly")
    scenario.sign_up(ADA, "daily", "news-flash", "weekly")
    scenario.sign_up(ADA, *order)
    assert scenario.owed() == ["confirm"]


def test_lists_of_which_some_are_confirmed_need_a_confirmation(scenario: Scenario):
    scenario.make_lists("daily")
    scenario.sign_up()
    scenario.confirm()
    scenario.sign_up(ADA, "daily", "news-flash")
    assert scenario.owed() == ["confirm", "confirm"]
    before = scenario.subscription()
    scenario.confirm()
    assert scenario.subscription() == before
    assert scenario.subscription(ADA, "daily").status == "confirmed"


def test_an_unknown_list_is_refused_before_anything_is_written(scenario: Scenario):
    with pytest.raises(UnknownListError):
        scenario.sign_up(ADA, "news-flash", "nowhere")
    with pytest.raises(InvalidInputError):
        scenario.sign_up(ADA, *(f"list-{number}" for number in range(MAX_LISTS + 1)))
    with pytest.raises(AddressError):
        scenario.sign_up("nobody")
    assert scenario.rows(select(func.count()).select_from(Subscriber))[0][0] == 0


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800b"])
def test_text_that_no_database_keeps_is_refused(scenario: Scenario, bad: str):
    for attempt in (
        partial(scenario.sign_up, name=bad),
        partial(scenario.sign_up, attributes={"a": [bad]}),
        partial(scenario.sign_up, attributes={bad: 1}),
        partial(scenario.sign_up, attributes={"a": float("nan")}),
        partial(scenario.sign_up, evidence=Evidence(source=bad)),
        partial(scenario.sign_up, evidence=Evidence(locale=bad)),
    ):
        with pytest.raises(InvalidInputError):
            attempt()


@pytest.mark.parametrize(
    "value", ["'; DROP TABLE x --", "{rows}", "%s %(a)s :b ?", '\u2028\\"\n\t', "😀"]
)
def test_any_other_text_is_kept_as_it_is(scenario: Scenario, value: str):
    scenario.sign_up(name=value, attributes={value: value}, evidence=Evidence(source=value))
    person = scenario.person()
    assert (person.name, person.attributes) == (value, {value: value})
    assert scenario.subscription().source == value


def test_a_person_may_correct_what_was_typed_until_they_confirm(scenario: Scenario):
    scenario.sign_up(name="Adda", attributes={"a": 1}, evidence=Evidence(locale="de"))
    scenario.sign_up(name="Ada", attributes={"b": 2}, evidence=Evidence(locale="fr"))
    person = scenario.person()
    assert (person.name, person.attributes, person.locale) == ("Ada", {"b": 2}, "fr")
    scenario.sign_up()
    assert (scenario.person().name, scenario.person().attributes) == ("Ada", {"b": 2})


@pytest.mark.parametrize("since", ["confirmed", "left", "signed up again", "confirmed elsewhere"])
def test_a_stranger_cannot_change_what_is_known_of_a_confirmed_person(
    scenario: Scenario, since: str
):
    scenario.make_lists("daily")
    scenario.sign_up(name="Ada", attributes={"a": 1}, evidence=Evidence(locale="de"))
    scenario.confirm()
    if since in ("left", "signed up again"):
        scenario.leave()
    if since == "signed up again":
        scenario.sign_up()
    slug = "daily" if since == "confirmed elsewhere" else "news-flash"
    for _ in range(2):
        scenario.sign_up(ADA, slug, name="Eve", attributes={"e": 1}, evidence=Evidence(locale="xx"))
    person = scenario.person()
    assert (person.name, person.attributes, person.locale) == ("Ada", {"a": 1}, "de")
    assert scenario.messages()[-1].locale == "de"


def apart(scenario: Scenario) -> Subscribe:
    """Return a signup use case that shares nothing with others but the database."""
    lists = Lists(scenario.engine)
    tokens = scenario.tokens.status
    texts = ConsentTexts(scenario.engine, lists=lists)
    return Subscribe(
        scenario.engine, lists=lists, texts=texts, tokens=tokens, mail_is_due=lambda: None
    )


@pytest.mark.parametrize("kind", ["one process", "many processes"])
def test_twenty_signups_of_one_address_at_once_are_one_subscription_and_one_mail(
    scenario: Scenario, kind: str
):
    own = [
        scenario.services.subscribe if kind == "one process" else apart(scenario) for _ in range(20)
    ]
    start = threading.Barrier(20)

    def sign_up(subscribe: Subscribe) -> str:
        start.wait()
        return subscribe(SignupRequest(email=ADA, evidence=Evidence()))

    with ThreadPoolExecutor(20) as pool:
        tokens = list(pool.map(sign_up, own, timeout=60))
    assert len(set(tokens)) == 20
    assert scenario.rows(select(func.count()).select_from(Subscription))[0][0] == 1
    assert scenario.rows(select(func.count()).select_from(Subscriber))[0][0] == 1
    assert scenario.owed() == ["confirm"]
    assert len(scenario.messages()) == 20
    assert scenario.ledger() == ["requested"]


def test_twenty_signups_of_one_address_for_other_lists_at_once_are_three_mails(scenario: Scenario):
    slugs = [f"list-{number}" for number in range(20)]
    scenario.make_lists(*slugs)
    own = [apart(scenario) for _ in slugs]
    start = threading.Barrier(20)

    def sign_up(subscribe: Subscribe, slug: str) -> None:
        start.wait()
        subscribe(SignupRequest(email=ADA, lists=(slug,), evidence=Evidence()))

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(sign_up, own, slugs, timeout=60))
    assert scenario.owed() == ["confirm"] * 3
    assert scenario.rows(select(func.count()).select_from(Subscription))[0][0] == 20


def signup(email: str, *list_ids: UUID) -> Signup:
    return Signup(
        message_id=new_id(),
        address=parse_address(email),
        list_ids=list_ids,
        at=utc_now(),
        evidence=Evidence(),
    )


def test_a_group_is_written_in_as_many_statements_as_one(scenario: Scenario, engine: Engine):
    def statements(emails: list[str]) -> int:
        with counted(engine) as found, engine.begin() as connection:
            record_signups(connection, [signup(email, scenario.list_id()) for email in emails])
        return len(found)

    assert statements([ADA]) == statements([f"p{number}@example.org" for number in range(64)])


def test_groups_with_people_in_common_never_lock_each_other_out(scenario: Scenario, engine: Engine):
    """Signups, confirmations and leavings of the same people, each group in an order of its own."""
    scenario.make_lists("daily")
    lists = (scenario.list_id(), scenario.list_id("daily"))
    emails = [f"p{number:02}@example.org" for number in range(30)]
    for email in random.Random(0).sample(emails, len(emails)):
        with engine.begin() as connection:
            record_signups(connection, [signup(email, *lists)])
    people = [row.id for row in scenario.rows(select(Subscriber.id))]
    start = threading.Barrier(4)

    def run(kind: str, seed: int) -> int:
        chance = random.Random(seed)
        start.wait()
        for _ in range(25):
            with engine.begin() as connection:
                if kind == "signups":
                    record_signups(
                        connection, [signup(email, *lists) for email in chance.sample(emails, 15)]
                    )
                else:
                    act = acts_store.leave if kind == "leave" else confirm
                    act(connection, [link(person, *lists) for person in chance.sample(people, 15)])
        return 1

    with ThreadPoolExecutor(4) as pool:
        kinds = ("signups", "signups", "leave", "confirm")
        assert list(pool.map(run, kinds, range(4), timeout=60)) == [1] * 4


confirm = partial(acts_store.confirm, hash_key=b"a-key-for-tests-only")


def link(person: UUID, *list_ids: UUID) -> Act:
    refs = tuple(SubscriptionRef(list_id, 1) for list_id in list_ids)
    return Act(scope=LinkScope(person, refs), at=utc_now(), evidence=Evidence())


@pytest.mark.parametrize("kind", ["signups", "leave", "confirm"])
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_subscriptions_are_locked_in_the_order_of_their_key(
    scenario: Scenario, engine: Engine, kind: str
):
    """With the first one taken, a group that waits for it holds none of the others."""
    # So many that PostgreSQL reads the table through and looks each row up in the group.
    emails = [f"p{number:04}@example.org" for number in range(2000)]
    with engine.begin() as connection:
        mixed = random.Random(1).sample(emails, len(emails))
        record_signups(connection, [signup(email, scenario.list_id()) for email in mixed])
    people = [row.id for row in scenario.rows(select(Subscriber.id).order_by(Subscriber.id))]
    with engine.begin() as connection:  # the first one comes to lie last
        first_one = Subscription.subscriber_id == people[0]
        connection.execute(update(Subscription).where(first_one).values(source="moved"))
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))

    def group() -> None:
        with engine.begin() as connection:
            if kind == "signups":
                record_signups(connection, [signup(email, scenario.list_id()) for email in emails])
            else:
                act = acts_store.leave if kind == "leave" else confirm
                act(connection, [link(person, scenario.list_id()) for person in reversed(people)])

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as first:
            first.execute(
                select(Subscription.status)
                .where(Subscription.subscriber_id == people[0])
                .with_for_update()
            )
            waiting = pool.submit(group)
            wait_until_blocked(engine)
            with engine.begin() as other:
                free = other.scalars(
                    select(Subscription.subscriber_id).with_for_update(skip_locked=True)
                ).all()
            assert set(free) == set(people[1:])
        waiting.result(timeout=20)


def is_anybody_blocked(engine: Engine) -> bool:
    """Tell whether a session on the test's database waits for a lock."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with engine.connect() as connection:
        return bool(connection.scalar(query))


def wait_until_blocked(engine: Engine) -> None:
    """Wait until a session on the test's database waits for a lock."""
    pause = threading.Event()
    for _ in range(1000):
        if is_anybody_blocked(engine):
            return
        pause.wait(0.01)
    pytest.fail("no session waits for a lock")


def test_a_fault_within_the_transaction_leaves_nothing(scenario: Scenario, engine: Engine):
    unknown = uuid4()
    with pytest.raises(Exception, match=r"(?i)foreign key"), engine.begin() as connection:
        record_signups(connection, [signup(ADA, unknown)])
    assert scenario.rows(select(func.count()).select_from(Subscriber))[0][0] == 0
