"""The life of subscriptions, against a model: whatever people do in whatever order and at once.

The model is the rules of `docs/architecture.md` in a few lines; the store is the real one.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, delete, func, select

from service.domain.consent import Evidence
from service.domain.errors import LinkEndedError, LinkExpiredError
from service.domain.subscription import MAILS_A_DAY, UNDO_WITHIN
from service.services import Services
from service.store.tables.delivery import OutboxMessage
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscriber, Suppression
from service.usecases.links.views import LinkState
from tests.scenario import NOON, Scenario

STEPS = int(os.environ.get("NEWSFLASH_FUZZ_STEPS", "25"))
EXAMPLES = int(os.environ.get("NEWSFLASH_FUZZ_LIVES", "12"))
PEOPLE = ("ada@example.org", "bob@example.org")
Links = dict[str, str]


@dataclass(slots=True)
class Life:
    """What the model knows of one address."""

    status: str | None = None
    epoch: int = 0
    was_confirmed: bool = False
    left_at: datetime | None = None
    erasures: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A link in a mail, and which cycle of whose it was made in."""

    email: str
    epoch: int
    erasures: int
    at: datetime
    tokens: Links = field(hash=False)


class Lives(RuleBasedStateMachine):
    """People sign up, confirm, leave, come back and are erased, by new and by old links."""

    scenario: Scenario
    links = Bundle("links")
    undos = Bundle("undos")

    def __init__(self) -> None:
        super().__init__()
        with self.scenario.engine.begin() as connection:
            for table in (OutboxMessage, ConsentEvent, Suppression, Subscriber):
                connection.execute(delete(table))
        self.lives = {email: Life() for email in PEOPLE}
        self.clock = time_machine.travel(NOON, tick=False)
        self.now = self.clock.start()

    def teardown(self) -> None:
        self.clock.stop()

    def _now(self) -> datetime:
        return datetime.now(NOON.tzinfo)

    def _begin(self, email: str) -> None:
        life = self.lives[email]
        if life.status in (None, "unsubscribed"):
            life.epoch = 1 if life.status is None else life.epoch + 1
            life.status, life.left_at = "pending", None
            life.was_confirmed = False

    def _links(self, email: str) -> Link:
        life = self.lives[email]
        return Link(
            email=email,
            epoch=life.epoch,
            erasures=life.erasures,
            at=self.scenario.messages(email)[-1].created_at,
            tokens={
                "confirm": self.scenario.confirm_link(email),
                "leave": self.scenario.unsubscribe_link(email),
            },
        )

    @rule(target=links, email=st.sampled_from(PEOPLE))
    def sign_up(self, email: str) -> Link:
        self.scenario.sign_up(email)
        self._begin(email)
        return self._links(email)

    @rule(target=links, email=st.sampled_from(PEOPLE), times=st.integers(2, 4))
    def sign_up_at_once(self, email: str, times: int) -> Link:
        with ThreadPoolExecutor(times) as pool:
            list(pool.map(self.scenario.sign_up, [email] * times))
        self._begin(email)
        return self._links(email)

    @rule(link=links)
    def confirm(self, link: Link) -> None:
        life, act = self.lives[link.email], self.scenario.services.confirm.act
        if self._now() - link.at > timedelta(days=self.scenario.services.settings.confirm_days):
            with pytest.raises(LinkExpiredError):
                act(link.tokens["confirm"], Evidence())
            return
        try:
            state = act(link.tokens["confirm"], Evidence()).state
        except LinkEndedError:
            state = LinkState.ENDED
        if self._is_current(link) and life.status in ("pending", "confirmed"):
            life.status, life.was_confirmed = "confirmed", True
            assert state is LinkState.DONE
        else:
            assert state is LinkState.ENDED

    @rule(target=undos, link=links, one_click=st.booleans())
    def leave(self, link: Link, one_click: bool) -> tuple[Link, datetime, str | None]:
        life = self.lives[link.email]
        view = self.scenario.services.unsubscribe.act(
            link.tokens["leave"], Evidence(), one_click=one_click
        )
        assert view.state is LinkState.DONE
        if self._is_known(link) and life.status in ("pending", "confirmed"):
            life.status, life.left_at = "unsubscribed", self._now()
        left = Link(link.email, life.epoch, link.erasures, self._now(), {})
        return left, self._now(), view.undo_token

    @rule(given=undos)
    def undo(self, given: tuple[Link, datetime, str | None]) -> None:
        left, at, token = given
        if token is None:
            return
        life, undo = self.lives[left.email], self.scenario.services.unsubscribe.undo
        if self._now() - at > UNDO_WITHIN:
            with pytest.raises(LinkExpiredError):
                undo(token, Evidence())
            return
        view = undo(token, Evidence())
        if (
            self._is_current(left)
            and life.status == "unsubscribed"
            and life.was_confirmed
            and life.left_at is not None
            and self._now() - life.left_at <= UNDO_WITHIN
        ):
            life.status, life.left_at = "confirmed", None
        assert (view.state is LinkState.DONE) == (
            self._is_known(left) and life.status == "confirmed"
        )

    @rule(link=links)
    def confirm_and_leave_at_once(self, link: Link) -> None:
        """Whichever comes first: afterwards the person is out."""
        services, life = self.scenario.services, self.lives[link.email]
        is_young = self._now() - link.at <= timedelta(days=services.settings.confirm_days)
        if not (self._is_current(link) and life.status == "pending" and is_young):
            return
        confirm, leave = link.tokens["confirm"], link.tokens["leave"]
        with ThreadPoolExecutor(2) as pool:
            confirming = pool.submit(services.confirm.act, confirm, Evidence())
            leaving = pool.submit(services.unsubscribe.act, leave, Evidence(), one_click=True)
        assert leaving.result().state is LinkState.DONE
        assert confirming.result().state in (LinkState.DONE, LinkState.ENDED)
        life.status, life.left_at = "unsubscribed", self._now()
        life.was_confirmed = self.world_status(link.email)[2]

    @precondition(lambda self: any(life.status for life in self.lives.values()))
    @rule(email=st.sampled_from(PEOPLE))
    def erase(self, email: str) -> None:
        life = self.lives[email]
        if life.status is not None:
            self.scenario.services.subscribers.erase(self.scenario.person(email).id, actor="test")
            self.lives[email] = Life(erasures=life.erasures + 1)

    @rule(email=st.sampled_from(PEOPLE))
    def suppress(self, email: str) -> None:
        self.scenario.services.suppressions.add(email, note=None, actor="test")
        life = self.lives[email]
        if life.status is not None:
            life.status = self.world_status(email)[0]

    @rule(minutes=st.sampled_from((1, 9, 11, 59, 61, 24 * 60, 8 * 24 * 60)))
    def time_passes(self, minutes: int) -> None:
        self.now.shift(timedelta(minutes=minutes))

    def world_status(self, email: str) -> tuple[str, int, bool]:
        row = self.scenario.subscription(email)
        return row.status, row.epoch, row.confirmed_at is not None

    def _is_known(self, link: Link) -> bool:
        life = self.lives[link.email]
        return life.status is not None and link.erasures == life.erasures

    def _is_current(self, link: Link) -> bool:
        return self._is_known(link) and link.epoch == self.lives[link.email].epoch

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        for email, life in self.lives.items():
            if life.status is None:
                found = select(func.count()).where(Subscriber.email_key == email)
                assert self.scenario.rows(found)[0][0] == 0
                continue
            status, epoch, _ = self.world_status(email)
            assert (status, epoch) == (life.status, life.epoch), email

    @invariant()
    def nobody_is_mailed_too_often(self) -> None:
        since = self._now() - timedelta(days=1)
        for email, life in self.lives.items():
            if life.status is not None:
                mails = [
                    row
                    for row in self.scenario.messages(email)
                    if row.status != "withheld" and row.created_at > since
                ]
                assert len(mails) <= MAILS_A_DAY


def test_lives_are_as_the_model_says(services: Services, engine: Engine, app: Flask) -> None:
    class Here(Lives):
        scenario = Scenario.of(services, engine)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            database=None,
            derandomize=True,
            phases=(Phase.generate,),  # a longer life is told sooner than a shorter one is found
            suppress_health_check=list(HealthCheck),
        ),
    )
