"""The mails that an import owes for later, and what people do until then."""

import io
from datetime import timedelta

import pytest
import time_machine

from service.domain.consent import Evidence
from service.domain.files.exchange import FileFormat
from service.domain.subscription import MAILS_A_DAY
from service.usecases.files.import_subscribers import ImportOptions
from tests.fakes import FakeProvider
from tests.scenario import ADA, NOON, Scenario
from tests.usecases.delivery.test_deliver import make, run

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def ask_on_the_third_day(scenario: Scenario, *lists: str) -> None:
    """Import Ada as the last of many who are asked, one an hour."""
    others = "".join(f"p{number}@example.org,news-flash,confirmed\n" for number in range(48))
    data = "email,list,status\n" + others + "".join(f"{ADA},{slug},confirmed\n" for slug in lists)
    report = scenario.services.import_(
        io.BytesIO(data.encode()),
        format=FileFormat.CSV,
        actor="test",
        options=ImportOptions(mails_an_hour=1),
    )
    assert report.asked == 48 + len(lists)
    assert scenario.messages()[-1].created_at == NOON + 2 * DAY


def mailed(scenario: Scenario) -> int:
    provider = FakeProvider()
    run(make(scenario, provider))
    return provider.recipients.count(ADA)


@pytest.mark.parametrize("more", [(), ("weekly",)], ids=["the same list", "more lists"])
def test_whoever_signs_up_before_an_import_asks_is_mailed_at_once_and_not_again(
    scenario: Scenario, more: tuple[str, ...]
):
    scenario.make_lists("weekly")
    with time_machine.travel(NOON, tick=False) as clock:
        ask_on_the_third_day(scenario, "news-flash")
        clock.shift(HOUR)
        scenario.sign_up(ADA, "news-flash", *more)
        assert mailed(scenario) == 1
        clock.shift(2 * DAY)
        assert mailed(scenario) == 0
    assert [(row.status, row.last_error) for row in scenario.messages()] == [
        ("accepted", None),
        ("withheld", "asked_since"),
    ]


def test_whoever_signs_up_for_less_is_still_asked_for_the_rest(scenario: Scenario):
    scenario.make_lists("weekly")
    with time_machine.travel(NOON, tick=False) as clock:
        ask_on_the_third_day(scenario, "news-flash", "weekly")
        scenario.sign_up(ADA, "weekly")
        assert mailed(scenario) == 1
        clock.shift(2 * DAY)
        assert mailed(scenario) == 1


def test_whoever_did_nothing_is_asked_in_time(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        ask_on_the_third_day(scenario, "news-flash")
        clock.shift(2 * DAY - HOUR)
        assert mailed(scenario) == 0
        clock.shift(HOUR)
        assert mailed(scenario) == 1


def test_an_import_asks_nobody_who_had_their_mails_of_the_day_meanwhile(scenario: Scenario):
    slugs = [f"list-{number}" for number in range(MAILS_A_DAY)]
    scenario.make_lists(*slugs)
    with time_machine.travel(NOON, tick=False) as clock:
        ask_on_the_third_day(scenario, "news-flash")
        clock.shift(DAY + HOUR)
        for slug in slugs:
            scenario.sign_up(ADA, slug)
        assert mailed(scenario) == MAILS_A_DAY
        clock.shift(DAY)
        assert mailed(scenario) == 0


def test_what_an_import_will_send_is_no_mail_of_this_day(scenario: Scenario):
    """One who signs up for other lists has all three mails of the day."""
    slugs = [f"list-{number}" for number in range(MAILS_A_DAY + 1)]
    scenario.make_lists(*slugs)
    with time_machine.travel(NOON, tick=False) as clock:
        ask_on_the_third_day(scenario, "news-flash")
        clock.shift(HOUR)
        for slug in slugs:
            scenario.sign_up(ADA, slug)
        assert mailed(scenario) == MAILS_A_DAY


def test_a_new_link_is_mailed_at_once_though_an_import_will_ask_later(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        ask_on_the_third_day(scenario, "news-flash")
        link = scenario.confirm_link()
        clock.shift(HOUR)
        scenario.services.confirm.renew(link, Evidence())
        assert mailed(scenario) == 1
        clock.shift(2 * DAY)
        assert mailed(scenario) == 0
