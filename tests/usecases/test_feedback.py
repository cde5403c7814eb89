"""What providers report, on both databases: once each, in any order, without races."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from uuid import UUID, uuid4

import pytest
import time_machine
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import select, update

from service.domain.address import address_hash, parse_address
from service.domain.consent import Evidence
from service.domain.delivery.feedback import (
    KEPT_FOR,
    SOFT_BOUNCE_LIMIT,
    SOFT_BOUNCE_PERIOD,
    UNMATCHED_FOR,
    EventKind,
    ProviderEvent,
)
from service.store.tables.delivery import OutboxMessage, RecordedEvent
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscriber, Subscription, Suppression
from service.store.types import new_id
from service.tokens import Tokens
from service.usecases.feedback import FeedbackResult
from service.usecases.links.views import MailProgress
from service.usecases.signup.subscribe import SignupRequest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
numbers = count(1)


class Scenario:
    """A person who signed up, and what became of that."""

    def __init__(self, services, engine, settings, email=None):
        self.services, self.engine, self.settings = services, engine, settings
        self.email = email or f"reader{next(numbers)}@example.org"
        self.token = self.sign_up()
        self.message_id = self.read(self.token)
        self.name = f"name-{self.message_id}"
        self.accept(self.message_id, self.name)

    def sign_up(self):
        return self.services.subscribe(SignupRequest(email=self.email, evidence=Evidence()))

    def read(self, token) -> UUID:
        return Tokens.from_keys(self.settings.secret_keys).status.read(token)

    def accept(self, message_id, name, provider="sendgrid"):
        with self.engine.begin() as connection:
            connection.execute(
                update(OutboxMessage)
                .where(OutboxMessage.id == message_id)
                .values(status="accepted", provider=provider, provider_message_id=name)
            )

    def event(self, kind, **changes) -> ProviderEvent:
        plain = ProviderEvent(
            event_id=f"e{next(numbers)}",
            kind=EventKind(kind),
            at=datetime.now(UTC),
            message_id=self.message_id,
        )
        return replace(plain, **changes)

    @property
    def subscriber_id(self):
        key = parse_address(self.email).key
        with self.engine.connect() as connection:
            return connection.scalar(select(Subscriber.id).where(Subscriber.email_key == key))

    @property
    def subscriptions(self):
        with self.engine.connect() as connection:
            return connection.execute(
                select(Subscription.status, Subscription.ended_reason).where(
                    Subscription.subscriber_id == self.subscriber_id
                )
            ).all()

    @property
    def suppressions(self):
        hashed = address_hash(parse_address(self.email).key, self.settings.address_hash_key)
        with self.engine.connect() as connection:
            return set(
                connection.scalars(
                    select(Suppression.reason).where(Suppression.address_hash == hashed)
                )
            )

    @property
    def endings(self):
        with self.engine.connect() as connection:
            return connection.execute(
                select(ConsentEvent.detail, ConsentEvent.source).where(
                    ConsentEvent.subscriber_id == self.subscriber_id,
                    ConsentEvent.kind == "unsubscribed",
                )
            ).all()

    @property
    def kinds(self):
        with self.engine.connect() as connection:
            return Counter(
                connection.scalars(
                    select(RecordedEvent.kind).where(RecordedEvent.message_id == self.message_id)
                )
            )

    @property
    def progress(self):
        return self.services.signup_status(self.token).progress


@pytest.fixture
def scenario(services, engine, settings):
    return Scenario(services, engine, settings)


@pytest.fixture
def feedback(services):
    return services.feedback


@pytest.mark.parametrize("kind", ["hard_bounce", "complaint"])
def test_the_address_is_suppressed_and_its_subscriptions_end(scenario, feedback, kind):
    result = feedback("sendgrid", [scenario.event(kind)])
    assert result == FeedbackResult(applied=1)
    assert scenario.suppressions == {kind}
    assert scenario.subscriptions == [("unsubscribed", kind)]
    assert scenario.endings == [(kind, "provider:sendgrid")]


def test_a_delivery_is_remembered_and_changes_nothing(scenario, feedback):
    feedback("sendgrid", [scenario.event("delivered"), scenario.event("deferred")])
    assert scenario.kinds == {"delivered": 1, "deferred": 1}
    assert (scenario.suppressions, scenario.endings) == (set(), [])
    assert scenario.subscriptions == [("pending", None)]
    assert scenario.progress is MailProgress.SENT


def test_leaving_at_the_provider_ends_the_subscription_and_suppresses_nobody(scenario, feedback):
    feedback("mailjet", [scenario.event("unsubscribed", at=NOW - timedelta(days=4000))])
    assert scenario.subscriptions == [("unsubscribed", "provider_unsubscribe")]
    assert scenario.endings == [("provider_unsubscribe", "provider:mailjet")]
    assert scenario.suppressions == set()


def test_leaving_by_an_old_mail_does_not_end_what_began_after_it(scenario, feedback):
    left_at = datetime.now(UTC)
    feedback("sendgrid", [scenario.event("unsubscribed")])
    scenario.sign_up()
    assert scenario.subscriptions == [("pending", None)]
    feedback("sendgrid", [scenario.event("unsubscribed", at=left_at)])
    assert scenario.subscriptions == [("pending", None)]
    feedback("sendgrid", [scenario.event("unsubscribed", at=datetime.now(UTC))])
    assert scenario.subscriptions == [("unsubscribed", "provider_unsubscribe")]


def test_soft_bounces_count_up_to_a_limit(scenario, feedback):
    for _ in range(SOFT_BOUNCE_LIMIT - 1):
        feedback("sendgrid", [scenario.event("soft_bounce")])
    assert (scenario.suppressions, scenario.subscriptions) == (set(), [("pending", None)])
    feedback("sendgrid", [scenario.event("soft_bounce")])
    assert scenario.suppressions == {"hard_bounce"}
    assert scenario.subscriptions == [("unsubscribed", "hard_bounce")]
    assert scenario.progress is MailProgress.SENT


def test_old_soft_bounces_do_not_count(scenario, feedback):
    old = datetime.now(UTC) - SOFT_BOUNCE_PERIOD - timedelta(minutes=1)
    feedback("sendgrid", [scenario.event("soft_bounce", at=old) for _ in range(9)])
    feedback("sendgrid", [scenario.event("soft_bounce")])
    assert scenario.suppressions == set()


def test_soft_bounces_of_one_request_count_together(scenario, feedback):
    events = [scenario.event("soft_bounce") for _ in range(SOFT_BOUNCE_LIMIT)]
    assert feedback("sendgrid", events).applied == SOFT_BOUNCE_LIMIT
    assert scenario.suppressions == {"hard_bounce"}
    assert len(scenario.endings) == 1


def test_a_known_event_does_nothing(scenario, feedback):
    bounce = scenario.event("hard_bounce")
    assert feedback("sendgrid", [bounce, bounce]) == FeedbackResult(applied=1, duplicates=1)
    assert feedback("sendgrid", [bounce]) == FeedbackResult(duplicates=1)
    assert feedback("sendgrid", [replace(bounce, kind=EventKind.COMPLAINT)]).duplicates == 1
    assert scenario.suppressions == {"hard_bounce"}
    assert len(scenario.endings) == 1
    # Another provider's events have ids of their own.
    assert feedback("resend", [bounce]).applied == 1


def test_an_unknown_mail_is_counted(scenario, feedback):
    strangers = [
        scenario.event("hard_bounce", message_id=uuid4()),
        scenario.event("hard_bounce", message_id=None),
        scenario.event("hard_bounce", message_id=None, provider_message_id="another"),
        scenario.event("hard_bounce", message_id=uuid4(), provider_message_id=scenario.name),
    ]
    assert feedback("sendgrid", strangers) == FeedbackResult(unknown=4)
    assert feedback("sendgrid", []) == FeedbackResult()
    assert scenario.suppressions == set()


def test_a_mail_is_known_by_its_providers_name(scenario, feedback):
    named = scenario.event("hard_bounce", message_id=None, provider_message_id=scenario.name)
    assert feedback("mailgun", [replace(named, event_id="other")]).unknown == 1
    assert feedback("sendgrid", [named]).applied == 1
    assert scenario.suppressions == {"hard_bounce"}


def test_mails_of_one_name_are_told_apart_by_the_recipient(services, engine, settings, feedback):
    one, other = Scenario(services, engine, settings), Scenario(services, engine, settings)
    for each in (one, other):
        each.accept(each.message_id, "shared")
    event = one.event("complaint", message_id=None, provider_message_id="shared")
    assert feedback("sendgrid", [event, replace(event, event_id="x", recipient="??")]).unknown == 2
    services.feedback.match_waiting()
    assert one.suppressions == other.suppressions == set()
    told = replace(event, event_id="told", recipient=one.email.upper())
    assert feedback("sendgrid", [told]).applied == 1
    assert (one.suppressions, other.suppressions) == ({"complaint"}, set())


def test_an_event_waits_for_the_name_of_its_mail(scenario, feedback):
    early = scenario.event("hard_bounce", message_id=None, provider_message_id="to-come")
    assert feedback("sendgrid", [early]) == FeedbackResult(unknown=1)
    assert feedback("sendgrid", [early]) == FeedbackResult(duplicates=1)
    assert feedback.match_waiting() == 0
    scenario.accept(scenario.message_id, "to-come")
    assert feedback.match_waiting() == 1
    assert feedback.match_waiting() == 0
    assert scenario.suppressions == {"hard_bounce"}
    assert scenario.progress is MailProgress.BOUNCED


def test_events_are_forgotten_in_time(scenario, feedback):
    with time_machine.travel(NOW, tick=False):
        feedback("sendgrid", [scenario.event("delivered")])
        feedback(
            "sendgrid",
            [scenario.event("delivered", message_id=None, provider_message_id="nobody's")],
        )
    tick = timedelta(seconds=1)
    for at, left in (
        (NOW + UNMATCHED_FOR, 2),
        (NOW + UNMATCHED_FOR + tick, 1),
        (NOW + KEPT_FOR, 1),
        (NOW + KEPT_FOR + tick, 0),
    ):
        with time_machine.travel(at, tick=False):
            feedback.match_waiting()
        with scenario.engine.connect() as connection:
            assert len(connection.execute(select(RecordedEvent.event_id)).all()) == left


def test_the_status_page_tells_a_bounce_of_its_own_mail_only(scenario, feedback):
    second = scenario.sign_up()  # the same mail within minutes is withheld
    feedback("sendgrid", [scenario.event("hard_bounce"), scenario.event("delivered")])
    assert scenario.progress is MailProgress.BOUNCED
    assert scenario.services.signup_status(second).progress is MailProgress.SENT
    nobodys = Tokens.from_keys(scenario.settings.secret_keys).status.issue(new_id())
    assert scenario.services.signup_status(nobodys).progress is MailProgress.SENT
    feedback("sendgrid", [scenario.event("hard_bounce", message_id=scenario.read(second))])
    assert scenario.services.signup_status(second).progress is MailProgress.SENT


def test_a_bounce_may_come_before_the_worker_has_settled(scenario, feedback):
    with scenario.engine.begin() as connection:
        connection.execute(
            update(OutboxMessage).values(status="sending", provider=None, provider_message_id=None)
        )
    assert feedback("sendgrid", [scenario.event("hard_bounce")]).applied == 1
    assert scenario.progress is MailProgress.BOUNCED
    scenario.accept(scenario.message_id, scenario.name)
    assert scenario.progress is MailProgress.BOUNCED


KINDS = [each.value for each in EventKind if each is not EventKind.NOT_UNDERSTOOD]


@given(
    order=st.permutations([*KINDS, "delivered", "hard_bounce", "soft_bounce"]),
    cuts=st.sets(st.integers(1, 8), max_size=4),
    again=st.lists(st.integers(0, 8), max_size=4),
)
@examples(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_order_of_events_does_not_matter(services, engine, settings, order, cuts, again):
    scenario = Scenario(services, engine, settings)
    events = [scenario.event(kind) for kind in order]
    sent = [*events, *(events[index] for index in again)]
    edges = [0, *sorted(cuts), len(sent)]
    results = [services.feedback("sendgrid", sent[start:end]) for start, end in pairwise(edges)]
    assert sum(result.applied for result in results) == len(events)
    assert sum(result.duplicates for result in results) == len(again)
    assert scenario.kinds == Counter(order)
    assert scenario.suppressions == {"hard_bounce", "complaint"}
    ((status, reason),) = scenario.subscriptions
    assert status == "unsubscribed"
    assert reason in ("hard_bounce", "complaint", "provider_unsubscribe")
    assert scenario.endings == [(reason, "provider:sendgrid")]
    assert scenario.progress is MailProgress.BOUNCED


def test_one_request_sent_many_times_at_once_counts_once(services, engine, settings, feedback):
    worlds = [Scenario(services, engine, settings) for _ in range(6)]
    events = [each.event(kind) for each in worlds for kind in KINDS]
    requests = [events, events[::-1], events[1::2] + events[::2]] * 3
    with ThreadPoolExecutor(9) as pool:
        results = list(pool.map(lambda sent: feedback("sendgrid", sent), requests))
    assert sum(result.applied for result in results) == len(events)
    assert sum(result.duplicates for result in results) == len(events) * 8
    assert all(len(each.endings) == 1 for each in worlds)


def test_soft_bounces_at_once_are_all_counted(scenario, feedback):
    events = [scenario.event("soft_bounce") for _ in range(SOFT_BOUNCE_LIMIT)]
    with ThreadPoolExecutor(SOFT_BOUNCE_LIMIT) as pool:
        list(pool.map(lambda event: feedback("sendgrid", [event]), events))
    assert scenario.suppressions == {"hard_bounce"}


def test_waiting_events_are_matched_once_by_many_workers(services, engine, settings, feedback):
    worlds = [Scenario(services, engine, settings) for _ in range(8)]
    for each in worlds:
        early = each.event("complaint", message_id=None, provider_message_id=f"late-{each.name}")
        feedback("sendgrid", [early])
        each.accept(each.message_id, f"late-{each.name}")
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: feedback.match_waiting(), range(4))) == len(worlds)
    assert all(len(each.endings) == 1 for each in worlds)


def test_a_request_of_many_events_is_one_transaction(services, engine, settings, feedback):
    worlds = [Scenario(services, engine, settings) for _ in range(3)]
    events = [worlds[n % 3].event("delivered") for n in range(5000)]
    assert feedback("sendgrid", events).applied == 5000
    assert feedback("sendgrid", events).duplicates == 5000
