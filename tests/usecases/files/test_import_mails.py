"""The mails that an import owes for later, and what people do until then."""

import io
from datetime import timedelta

import pytest
import time_machine

from service.domain.consent import Evidence
from service.domain.files.exchange import FileFormat
from service.domain.subscription import MAILS_A_DAY
from service.usecases.files.import_subscribers import ImportOptions
from tests.store.fakes import FakeProvider
from tests.store.test_deliver import make, run
from tests.store.world import ADA, NOON, World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def ask_on_the_third_day(world: World, *lists: str) -> None:
    """Import Ada as the last of many who are asked, one an hour."""
    others = "".join(f"p{number}@example.org,news-flash,confirmed\n" for number in range(48))
    data = "email,list,status\n" + others + "".join(f"{ADA},{slug},confirmed\n" for slug in lists)
    report = world.usecases.import_(
        io.BytesIO(data.encode()),
        format=FileFormat.CSV,
        actor="test",
        options=ImportOptions(mails_an_hour=1),
    )
    assert report.asked == 48 + len(lists)
    assert world.messages()[-1].created_at == NOON + 2 * DAY


def mailed(world: World) -> int:
    provider = FakeProvider()
    run(make(world, provider))
    return provider.recipients.count(ADA)


@pytest.mark.parametrize("more", [(), ("weekly",)], ids=["the same list", "more lists"])
def test_whoever_signs_up_before_an_import_asks_is_mailed_at_once_and_not_again(
    world: World, more: tuple[str, ...]
):
    world.make_lists("weekly")
    with time_machine.travel(NOON, tick=False) as clock:
        ask_on_the_third_day(world, "news-flash")
        clock.shift(HOUR)
        world.sign_up(ADA, "news-flash", *more)
        assert mailed(world) == 1
        clock.shift(2 * DAY)
        assert mailed(world) == 0
    assert [(row.status, row.last_error) for row in world.messages()] == [
        ("accepted", None),
        ("withheld", "asked_since"),
    ]


def test_whoever_signs_up_for_less_is_still_asked_for_the_rest(world: World):
    world.make_lists("weekly")
    with time_machine.travel(NOON, tick=False) as clock:
        ask_on_the_third_day(world, "news-flash", "weekly")
        world.sign_up(ADA, "weekly")
        assert mailed(world) == 1
        clock.shift(2 * DAY)
        assert mailed(world) == 1


def test_whoever_did_nothing_is_asked_in_time(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        ask_on_the_third_day(world, "news-flash")
        clock.shift(2 * DAY - HOUR)
        assert mailed(world) == 0
        clock.shift(HOUR)
        assert mailed(world) == 1


def test_an_import_asks_nobody_who_had_their_mails_of_the_day_meanwhile(world: World):
    slugs = [f"list-{number}" for number in range(MAILS_A_DAY)]
    world.make_lists(*slugs)
    with time_machine.travel(NOON, tick=False) as clock:
        ask_on_the_third_day(world, "news-flash")
        clock.shift(DAY + HOUR)
        for slug in slugs:
            world.sign_up(ADA, slug)
        assert mailed(world) == MAILS_A_DAY
        clock.shift(DAY)
        assert mailed(world) == 0


def test_what_an_import_will_send_is_no_mail_of_this_day(world: World):
    """One who signs up for other lists has all three mails of the day."""
    slugs = [f"list-{number}" for number in range(MAILS_A_DAY + 1)]
    world.make_lists(*slugs)
    with time_machine.travel(NOON, tick=False) as clock:
        ask_on_the_third_day(world, "news-flash")
        clock.shift(HOUR)
        for slug in slugs:
            world.sign_up(ADA, slug)
        assert mailed(world) == MAILS_A_DAY


def test_a_new_link_is_mailed_at_once_though_an_import_will_ask_later(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        ask_on_the_third_day(world, "news-flash")
        link = world.confirm_link()
        clock.shift(HOUR)
        world.usecases.confirm.renew(link, Evidence())
        assert mailed(world) == 1
        clock.shift(2 * DAY)
        assert mailed(world) == 0
