"""Pages of subscribers: the right ones, without reading everybody."""

from itertools import product

import pytest
from sqlalchemy import select

from service.domain.subscription import Status
from service.store.people import holders
from service.store.tables.people import Subscription
from tests.plans import age_statistics, whole_reads
from tests.scenario import Scenario

LISTS = (None, "news-flash", "second", "third")
STATUSES = (None, *Status)


@pytest.fixture
def people(scenario: Scenario) -> Scenario:
    scenario.make_lists("second", "third")
    for number in range(24):
        email = f"p{number}@example.org"
        lists = [slug for place, slug in enumerate(LISTS[1:]) if slug and number % (place + 2) == 0]
        scenario.sign_up(email, *lists)
        if number % 3:
            scenario.confirm(email)
        if number % 3 == 2:
            scenario.leave(email)
    return scenario


def pages(scenario: Scenario, slug: str | None, status: Status | None) -> list[str]:
    found, cursor = [], None
    while True:
        page = scenario.services.subscribers.page(limit=3, cursor=cursor, list=slug, status=status)
        found += [str(each.info.id) for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("at_once", [100, 2])
def test_pages_of_a_list_and_a_status_have_each_subscriber_once(
    people: Scenario, monkeypatch: pytest.MonkeyPatch, at_once: int
):
    monkeypatch.setattr(holders, "_READS_AT_ONCE", at_once)
    held = people.rows(select(Subscription.__table__))
    assert {row.status for row in held} == set(Status)
    for slug, status in product(LISTS, STATUSES):
        fits = {
            str(row.subscriber_id)
            for row in held
            if (slug is None or row.mailing_list_id == people.list_id(slug))
            and (status is None or row.status == status)
        }
        assert pages(people, slug, status) == sorted(fits), (slug, status)


def test_a_page_of_a_list_or_a_status_reads_nobody_else(scenario: Scenario):
    scenario.make_lists("second", "third")
    age_statistics(scenario)
    scenario.sign_up("ada@example.org", "second")
    scenario.confirm("ada@example.org")
    for slug, status in product(LISTS, STATUSES):
        if slug is None and status is None:
            continue
        with whole_reads(scenario.services.subscribers._engine) as found:
            scenario.services.subscribers.page(limit=3, list=slug, status=status)
        assert found == [], (slug, status)
