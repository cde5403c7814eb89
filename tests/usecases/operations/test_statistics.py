"""What the overview tells of the last weeks, counted alike on both databases."""

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, update

from service.clock import utc_now
from service.domain.consent import Evidence
from service.domain.errors import InvalidInputError, UnknownListError
from service.store.operations.daily import SourceCount
from service.store.tables.delivery import RecordedEvent
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscription
from service.usecases.lists.lists import Lists
from service.usecases.operations.statistics import COUNTED, Statistics


@pytest.fixture
def days(scenario, engine):
    """Return the period as it is counted now, by a reader that has read nothing before."""
    return lambda count: Statistics(engine, lists=Lists(engine)).period(count)


@pytest.fixture
def report(scenario, engine):
    """Return what a reader that has read nothing before tells a program."""
    return lambda **asked: Statistics(engine, lists=scenario.services.lists).report(**asked)


def told(counts):
    """Return the five counts of a day, or of all days."""
    return tuple(getattr(counts, name) for name in COUNTED)


def report_of(engine, kind, message_id=None, at=None):
    """Have a mail API report something of a mail."""
    row = {"provider": "postmark", "event_id": str(uuid4()), "kind": kind, "message_id": message_id}
    at = at or utc_now()
    with engine.begin() as connection:
        connection.execute(insert(RecordedEvent).values(**row, at=at, received_at=at))


def sign_up(scenario, email, source=None):
    scenario.sign_up(email, evidence=Evidence(source=source))


def test_a_period_without_anything_is_days_of_nothing(days):
    period = days(30)
    assert len(period.days) == 30
    assert period.days[-1].day == utc_now().date()
    assert period.days[-1].day - period.days[0].day == timedelta(days=29)
    assert {each.signups for each in period.days} == {0}
    assert (period.funnel.asked, period.funnel.mailed) == (0, 0)
    assert period.sources == []


def test_signups_are_followed_to_what_became_of_them(scenario, days):
    for name in ("ada", "bob", "eve"):
        sign_up(scenario, f"{name}@example.org", "https://site.example")
    sign_up(scenario, "zoe@example.org")
    scenario.confirm("ada@example.org")
    scenario.confirm("bob@example.org")
    scenario.leave("bob@example.org")
    scenario.set_message(scenario.messages("eve@example.org")[0].id, status="accepted")

    period = days(30)
    today = period.days[-1]
    assert (today.signups, today.confirmations, today.leavers, today.bounces) == (4, 2, 1, 0)
    funnel = period.funnel
    assert (funnel.asked, funnel.mailed, funnel.confirmed, funnel.stayed) == (4, 3, 2, 1)
    assert period.sources == [
        SourceCount(source="https://site.example", asked=3, confirmed=2),
        SourceCount(source="", asked=1, confirmed=0),
    ]


def test_a_signup_that_is_repeated_at_once_counts_once(scenario, days):
    sign_up(scenario, "ada@example.org")
    sign_up(scenario, "ada@example.org")
    period = days(30)
    assert period.days[-1].signups == 1
    assert period.funnel.asked == 1


def test_what_is_older_than_the_period_is_left_out(scenario, engine, days):
    sign_up(scenario, "ada@example.org")
    with engine.begin() as connection:
        at = utc_now() - timedelta(days=30)
        connection.execute(update(ConsentEvent).values(at=at))
        connection.execute(update(Subscription).values(requested_at=at))
    assert days(30).funnel.asked == 0
    assert days(90).days[-31].signups == 1


@pytest.mark.parametrize("reason", ["hard_bounce", "complaint"])
def test_whom_a_report_took_off_a_list_is_no_leaver(scenario, engine, days, reason):
    sign_up(scenario, "ada@example.org")
    for kind in ("hard_bounce", "soft_bounce", "delivered", "complaint"):
        report_of(engine, kind)
    scenario.leave("ada@example.org")
    with engine.begin() as connection:
        connection.execute(
            update(ConsentEvent).where(ConsentEvent.kind == "unsubscribed").values(detail=reason)
        )
    today = days(30).days[-1]
    assert (today.bounces, today.complaints, today.leavers) == (2, 1, 0)


def test_a_report_counts_by_day_and_list(scenario, engine, report):
    scenario.make_lists("extra")
    scenario.sign_up("ada@example.org", "news-flash", "extra")
    scenario.sign_up("bob@example.org", "extra")
    scenario.confirm("bob@example.org")
    scenario.leave("bob@example.org")
    report_of(engine, "soft_bounce", scenario.messages("ada@example.org")[0].id)
    report_of(engine, "complaint", scenario.messages("bob@example.org")[0].id)
    report_of(engine, "hard_bounce")

    found = report()
    assert [len(found.days), found.until] == [30, utc_now().date()]
    # One mail for two lists bounced once, and a mail that is no longer known once more.
    assert told(found.days[-1]) == told(found.totals) == (3, 1, 1, 2, 1)
    assert found.totals.confirmation_rate == 0.3333
    assert {each.list: told(each.totals) for each in found.lists} == {
        "extra": (2, 1, 1, 1, 1),
        "news-flash": (1, 0, 0, 1, 0),
    }
    only = report(list="news-flash")
    assert [each.list for each in only.lists] == ["news-flash"]
    assert told(only.totals) == told(only.days[-1]) == (1, 0, 0, 1, 0)
    assert only.totals.confirmation_rate == 0


def test_a_scope_hides_other_lists(scenario, engine, report):
    scenario.make_lists("extra")
    scenario.sign_up("ada@example.org", "news-flash", "extra")
    scenario.sign_up("bob@example.org", "news-flash")
    report_of(engine, "hard_bounce", scenario.messages("bob@example.org")[0].id)
    report_of(engine, "hard_bounce")
    found = report(scope={scenario.list_id("extra")})
    assert [each.list for each in found.lists] == ["extra"]
    assert told(found.totals) == (1, 0, 0, 0, 0)
    with pytest.raises(UnknownListError):
        report(list="news-flash", scope={scenario.list_id("extra")})


def test_a_report_holds_the_days_asked_for_and_no_others(scenario, engine, report):
    today = utc_now().date()
    at = utc_now() - timedelta(days=5)
    sign_up(scenario, "ada@example.org")
    scenario.confirm("ada@example.org")
    with engine.begin() as connection:
        connection.execute(
            update(ConsentEvent)
            .where(ConsentEvent.kind == "requested")
            .values(at=at, id=UUID(int=int(at.timestamp() * 1000) << 80))
        )
    report_of(engine, "soft_bounce", at=at)
    day = today - timedelta(days=5)
    found = report(since=day, until=day)
    assert [told(each) for each in found.days] == [(1, 0, 0, 1, 0)]
    assert found.totals.confirmation_rate == 1
    assert told(report(since=day - timedelta(days=9), until=day - timedelta(days=1)).totals) == (
        (0,) * 5
    )
    later = report(since=day + timedelta(days=1))
    assert (told(later.totals), later.totals.confirmation_rate) == ((0, 1, 0, 0, 0), None)


def test_whoever_is_erased_still_counts_as_confirmed(scenario, report):
    sign_up(scenario, "ada@example.org")
    scenario.confirm("ada@example.org")
    subscribers = scenario.services.subscribers
    subscribers.erase(subscribers.id_of("ada@example.org"), actor="test")
    assert report().totals.confirmation_rate == 1


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        (timedelta(days=1), timedelta(days=-1), "since"),
        (timedelta(days=-366), timedelta(0), "since"),
        (timedelta(days=-20_000), timedelta(days=-19_990), "until"),
    ],
)
def test_days_that_cannot_be_are_refused(report, since, until, field):
    today = utc_now().date()
    with pytest.raises(InvalidInputError) as error:
        report(since=today + since, until=today + until)
    assert error.value.field == field


@pytest.mark.parametrize(
    "asked", [{"since": date.min}, {"until": date.min}, {"since": date.max}], ids=str
)
def test_the_ends_of_time_are_refused_too(report, asked):
    with pytest.raises(InvalidInputError):
        report(**asked)


def test_a_day_to_come_means_today(report):
    assert report(until=date.max).until == utc_now().date()
