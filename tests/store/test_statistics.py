"""What the overview tells of the last weeks, counted alike on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from service.clock import utc_now
from service.domain.consent import Evidence
from service.store.models import ConsentEvent, RecordedEvent, Subscription
from service.store.statistics_days import SourceCount
from service.usecases.statistics import Statistics


@pytest.fixture
def days(world, engine):
    """Return the period as it is counted now, by a reader that has read nothing before."""
    return lambda count: Statistics(engine).period(count)


def sign_up(world, email, source=None):
    world.sign_up(email, evidence=Evidence(source=source))


def test_a_period_without_anything_is_days_of_nothing(days):
    period = days(30)
    assert len(period.days) == 30
    assert period.days[-1].day == utc_now().date()
    assert period.days[-1].day - period.days[0].day == timedelta(days=29)
    assert {each.signups for each in period.days} == {0}
    assert (period.funnel.asked, period.funnel.mailed) == (0, 0)
    assert period.sources == []


def test_signups_are_followed_to_what_became_of_them(world, days):
    for name in ("ada", "bob", "eve"):
        sign_up(world, f"{name}@example.org", "https://site.example")
    sign_up(world, "zoe@example.org")
    world.confirm("ada@example.org")
    world.confirm("bob@example.org")
    world.leave("bob@example.org")
    world.set_message(world.messages("eve@example.org")[0].id, status="accepted")

    period = days(30)
    today = period.days[-1]
    assert (today.signups, today.confirmations, today.leavers, today.bounces) == (4, 2, 1, 0)
    funnel = period.funnel
    assert (funnel.asked, funnel.mailed, funnel.confirmed, funnel.stayed) == (4, 3, 2, 1)
    assert period.sources == [
        SourceCount(source="https://site.example", asked=3, confirmed=2),
        SourceCount(source="", asked=1, confirmed=0),
    ]


def test_a_repeated_signup_is_one_on_the_way_but_each_try_counts_on_its_day(world, days):
    sign_up(world, "ada@example.org")
    sign_up(world, "ada@example.org")
    period = days(30)
    assert period.days[-1].signups == 2
    assert period.funnel.asked == 1


def test_what_is_older_than_the_period_is_left_out(world, engine, days):
    sign_up(world, "ada@example.org")
    with engine.begin() as connection:
        at = utc_now() - timedelta(days=30)
        connection.execute(update(ConsentEvent).values(at=at))
        connection.execute(update(Subscription).values(requested_at=at))
    assert days(30).funnel.asked == 0
    assert days(90).days[-31].signups == 1


def test_a_bounce_is_counted_as_a_bounce_and_not_as_a_leaver(world, engine, days):
    sign_up(world, "ada@example.org")
    now = utc_now()
    with engine.begin() as connection:
        connection.execute(
            insert(RecordedEvent),
            [
                {
                    "provider": "postmark",
                    "event_id": kind,
                    "kind": kind,
                    "at": now,
                    "received_at": now,
                }
                for kind in ("hard_bounce", "soft_bounce", "delivered", "complaint")
            ],
        )
    world.leave("ada@example.org")
    with engine.begin() as connection:
        connection.execute(
            update(ConsentEvent)
            .where(ConsentEvent.kind == "unsubscribed")
            .values(detail="hard_bounce")
        )
    today = days(30).days[-1]
    assert (today.bounces, today.leavers) == (2, 0)
