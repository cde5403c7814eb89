"""Lists as several processes see them: one default, and a new one is known everywhere at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError

from service.domain.errors import UnknownListError
from service.store.tables.lists import MailingList
from service.usecases.lists.lists import MISSES_A_SECOND, Lists
from tests.migrating import downgrade, upgrade
from tests.scenario import Scenario, counted


def defaults(scenario: Scenario) -> list[str]:
    return [
        row.slug for row in scenario.rows(select(MailingList.slug).where(MailingList.is_default))
    ]


def test_a_new_list_is_known_to_another_process_at_once(scenario: Scenario, engine: Engine):
    other = Lists(engine)
    assert len(other.all()) == 1
    with pytest.raises(UnknownListError):
        other.get("fresh")
    scenario.make_lists("fresh")
    assert other.get("fresh").slug == "fresh"
    assert {info.slug for info in other.all()} == {"news-flash", "fresh"}


def test_made_up_names_are_looked_up_a_bounded_number_of_times(scenario: Scenario, engine: Engine):
    lists = Lists(engine)
    lists.all()
    with counted(engine) as statements:
        for number in range(500):
            with pytest.raises(UnknownListError):
                lists.get(f"made-up-{number}")
        for name in ("", "No", "a b", "x" * 65, "\0", "\u00e4"):
            with pytest.raises(UnknownListError):
                lists.get(name)
    looked = [sql for sql in statements if "mailing_lists.slug =" in sql]
    # A few seconds may pass meanwhile on a slow machine.
    assert MISSES_A_SECOND <= len(looked) < 250


def test_what_was_read_before_a_change_is_not_kept(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
):
    lists = scenario.services.lists
    lists._forget()
    whole = Lists._read

    def slow(self: Lists) -> object:
        monkeypatch.setattr(Lists, "_read", whole)
        found = whole(self)
        self.update("news-flash", {"name": "Renamed"}, actor="test")
        return found

    monkeypatch.setattr(Lists, "_read", slow)
    lists.all()
    assert lists.get("news-flash").name == "Renamed"


def test_one_list_stays_the_default_whatever_happens_at_once(scenario: Scenario, engine: Engine):
    slugs = [f"list-{number}" for number in range(8)]
    scenario.make_lists(*slugs)
    barrier = threading.Barrier(len(slugs) + 2)

    def choose(slug: str) -> None:
        barrier.wait()
        Lists(engine).update(slug, {"is_default": True}, actor="test")

    def create(slug: str) -> None:
        barrier.wait()
        Lists(engine).create(slug=slug, name="New", is_default=True, actor="test")

    with ThreadPoolExecutor(len(slugs) + 2) as pool:
        running = [pool.submit(choose, slug) for slug in slugs]
        running += [pool.submit(create, slug) for slug in ("new-1", "new-2")]
        for each in running:
            each.result()
    assert len(defaults(scenario)) == 1
    assert Lists(engine).default().slug == defaults(scenario)[0]


def test_the_database_holds_no_second_default(scenario: Scenario, engine: Engine):
    scenario.make_lists("other")
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(update(MailingList).values(is_default=True))


def test_of_two_defaults_from_before_the_one_that_was_taken_stays(app: Flask, scenario: Scenario):
    scenario.make_lists("another", "zebra")
    downgrade(scenario.engine, "0018")
    with scenario.engine.begin() as connection:
        connection.execute(update(MailingList).values(is_default=True))
    upgrade(scenario.engine)
    assert defaults(scenario) == ["another"]
