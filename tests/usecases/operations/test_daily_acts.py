"""The kept counts of days are what counting from scratch gives, whatever happened and when."""

import io
import random
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import Engine, select, update

from service.domain.consent import Evidence
from service.domain.errors import LinkError
from service.domain.files.exchange import FileFormat
from service.store.database import reading
from service.store.operations import daily_acts
from service.store.tables.ledger import ConsentEvent, DailyActsHead
from service.usecases.operations import count_acts as module
from service.usecases.operations.count_acts import count_acts
from tests.plans import age_statistics, whole_reads
from tests.scenario import NOON, Scenario

KINDS = {"requested", "confirmed", "unsubscribed"}
Act = tuple[str, UUID, str]


class Scratch:
    """Looks at each consent event until it is counted. What erasure empties later stays counted."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._acts: dict[UUID, Act | None] = {}

    def counts(self) -> Counter[Act]:
        ((head,),) = self._scenario.rows(select(DailyActsHead.position))
        for row in self._scenario.rows(select(ConsentEvent.__table__)):
            if row.id in self._acts and row.position is not None and row.position <= head:
                continue
            is_counted = row.kind in KINDS and row.detail not in ("hard_bounce", "complaint")
            act = (row.at.date().isoformat(), row.mailing_list_id, row.kind)
            self._acts[row.id] = act if is_counted else None
        return Counter(act for act in self._acts.values() if act is not None)


def kept(engine: Engine) -> Counter[Act]:
    found: Counter[Act] = Counter()
    with reading(engine) as connection:
        for each in daily_acts.acts_by_day(connection, since=NOON.replace(hour=0)):
            found[each.day.isoformat(), each.list_id, each.what] += each.count
    return found


class History:
    """What may happen to a few people, in any order."""

    def __init__(self, scenario: Scenario, chance: random.Random) -> None:
        self._scenario = scenario
        self._chance = chance
        self._undo: list[str] = []

    def step(self) -> None:
        email = f"p{self._chance.randrange(6)}@example.org"
        acts = (
            self._sign_up,
            self._confirm,
            self._leave,
            self._bounce,
            self._undo_one,
            self._erase,
            self._import,
            self._seal,
            self._count,
        )
        act = self._chance.choice(acts)
        if act in (self._confirm, self._leave, self._bounce, self._erase) and not self._has(email):
            act = self._sign_up
        with suppress(LinkError):  # an expired link, or one of an ended subscription
            act(email)

    def _has(self, email: str) -> bool:
        return bool(self._scenario.services.subscribers.page(limit=1, text=email).items)

    def _sign_up(self, email: str) -> None:
        self._scenario.sign_up(email, self._chance.choice(["news-flash", "second"]))

    def _confirm(self, email: str) -> None:
        if self._scenario.messages(email):
            self._scenario.confirm(email)

    def _leave(self, email: str) -> None:
        if self._scenario.messages(email) and (undo := self._scenario.leave(email)):
            self._undo.append(undo)

    def _bounce(self, email: str) -> None:
        before = self._scenario.rows(select(ConsentEvent.id))
        self._leave(email)
        with self._scenario.engine.begin() as connection:
            connection.execute(
                update(ConsentEvent)
                .where(ConsentEvent.id.not_in([row.id for row in before]))
                .values(detail=self._chance.choice(["hard_bounce", "complaint"]))
            )

    def _undo_one(self, _email: str) -> None:
        if self._undo:
            self._scenario.services.unsubscribe.undo(self._undo.pop(), Evidence())

    def _erase(self, email: str) -> None:
        self._scenario.services.subscribers.erase(self._scenario.person(email).id, actor="test")

    def _import(self, email: str) -> None:
        data = (
            f"email,list,status,consent_at,consent_source\n{email},second,confirmed,2025-01-02,x\n"
        )
        self._scenario.services.import_(
            io.BytesIO(data.encode()), format=FileFormat.CSV, actor="test"
        )

    def _seal(self, _email: str) -> None:
        self._scenario.services.seal_ledger.run_once()

    def _count(self, _email: str) -> None:
        count_acts(self._scenario.engine)


@pytest.mark.parametrize("seed", range(3))
def test_the_counts_of_a_random_history_are_those_from_scratch(
    scenario: Scenario, engine: Engine, monkeypatch: pytest.MonkeyPatch, seed: int
):
    monkeypatch.setattr(module, "BATCH", 3)
    scenario.make_lists("second")
    chance = random.Random(seed)
    history, scratch = History(scenario, chance), Scratch(scenario)
    now = NOON
    for _ in range(60):
        now += timedelta(hours=chance.choice([0, 1, 7, 25]))
        with time_machine.travel(now, tick=False):
            history.step()
            expected = scratch.counts()
            assert kept(engine) == expected
    assert expected
    with time_machine.travel(now, tick=False):
        scenario.services.seal_ledger.run_once()
        while count_acts(engine):
            assert kept(engine) == expected
    with reading(engine) as connection:
        assert not daily_acts.has_uncounted(connection)


def test_what_is_counted_is_not_read_again(scenario: Scenario, engine: Engine):
    with time_machine.travel(NOON, tick=False):
        age_statistics(scenario)
        scenario.services.seal_ledger.run_once()
        while count_acts(engine):
            pass
        scenario.sign_up()
        with whole_reads(engine) as found, reading(engine) as connection:
            acts = daily_acts.acts_by_day(connection, since=NOON.replace(hour=0))
    assert sum(each.count for each in acts) == len(scenario.rows(select(ConsentEvent.id)))
    # Those without a place have an index of their own, which is read whole.
    assert [table for table, _ in found if table != "consent_events"] == []
