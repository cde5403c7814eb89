"""An import while people sign up, confirm and leave: nobody is locked out, nobody overruled."""

import io
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import OperationalError

from service.clock import utc_now
from service.domain.consent import Evidence
from service.domain.files.exchange import FileFormat
from service.domain.subscription import LinkScope, SubscriptionRef
from service.store.files.imports import import_chunk
from service.store.links import acts as acts_store
from service.store.links.acts import Act
from service.store.signup.signups import record_signups
from service.store.tables.delivery import OutboxMessage
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscriber
from service.usecases.files import import_chunks
from service.usecases.files.import_report import ImportReport
from service.usecases.signup.subscribe import SignupRequest
from tests.scenario import ADA, Scenario
from tests.usecases.signup.test_signups import is_anybody_blocked, wait_until_blocked

ZOE = "zoe@example.org"
"""Signed up before Ada: so she is first by id, and last by address."""

on_postgres = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def take(scenario: Scenario, *rows: str) -> ImportReport:
    data = "\n".join(["email,list,status,confirmed_at,source", *rows, ""])
    return scenario.services.import_(io.BytesIO(data.encode()), format=FileFormat.CSV, actor="test")


def confirmed(email: str, list_: str = "news-flash") -> str:
    return f"{email},{list_},confirmed,2025-01-01T00:00:00Z,https://example.org/form"


def sign_up(connection: Any, scenario: Scenario, *emails: str) -> None:
    check = scenario.services.subscribe.check
    requests = [SignupRequest(email=email, evidence=Evidence()) for email in emails]
    record_signups(connection, [check(request) for request in requests])


def leave(connection: Any, person: UUID, list_id: UUID) -> None:
    scope = LinkScope(person, (SubscriptionRef(list_id, 1),))
    act = Act(scope=scope, at=utc_now(), evidence=Evidence())
    assert acts_store.leave(connection, [act])


@on_postgres
def test_people_who_leave_meanwhile_and_an_import_take_turns(scenario: Scenario, engine: Engine):
    take(scenario, confirmed(ZOE))
    take(scenario, confirmed(ADA))
    zoe, ada = scenario.person(ZOE).id, scenario.person(ADA).id
    assert zoe < ada
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as connection:
            leave(connection, zoe, scenario.list_id())
            report = pool.submit(take, scenario, confirmed(ADA), confirmed(ZOE))
            wait_until_blocked(engine)
            leave(connection, ada, scenario.list_id())
        assert report.result(timeout=20).skipped == 2


@contextmanager
def signing_up_before_the_import_decides(
    scenario: Scenario, engine: Engine, *emails: str
) -> Iterator[None]:
    """Have these people sign up in the midst of the next import's chunk, and commit once the import
    waits for them or has gone on.
    """
    has_written, is_over = threading.Event(), threading.Event()
    begun: list[Future[None]] = []

    def sign_up_all() -> None:
        with engine.begin() as connection:
            sign_up(connection, scenario, *emails)
            has_written.set()
            while not is_over.is_set() and not is_anybody_blocked(engine):
                is_over.wait(0.01)

    def begin(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "imported_rows" in statement and "INSERT INTO subscriptions" in statement and not begun:
            begun.append(pool.submit(sign_up_all))
            while not has_written.wait(0.01) and not is_anybody_blocked(engine):
                pass

    with ThreadPoolExecutor(1) as pool:
        event.listen(Engine, "before_cursor_execute", begin)
        try:
            yield
        finally:
            event.remove(Engine, "before_cursor_execute", begin)
            is_over.set()
        begun[0].result(timeout=20)


@on_postgres
def test_people_who_sign_up_meanwhile_and_an_import_take_turns(scenario: Scenario, engine: Engine):
    """Also where both make the same subscription, and the next one is there already."""
    scenario.make_lists("weekly")
    take(scenario, confirmed(ZOE, "weekly"))
    take(scenario, confirmed(ADA))
    with signing_up_before_the_import_decides(scenario, engine, ZOE, ADA):
        report = take(scenario, confirmed(ADA), confirmed(ZOE))
    assert (report.imported, report.unchanged) == (1, 1)
    assert scenario.ledger(ZOE).count("requested") == scenario.ledger(ADA).count("requested") == 1


@on_postgres
@pytest.mark.parametrize("stood", ["news-flash", "weekly"], ids=["on the list", "on another one"])
@pytest.mark.parametrize("is_suppressed", [False, True], ids=["", "suppressed"])
def test_an_import_does_not_end_what_is_asked_for_at_that_moment(
    scenario: Scenario, engine: Engine, stood: str, *, is_suppressed: bool
):
    scenario.make_lists("weekly")
    take(scenario, f"{ADA},{stood},pending,,")
    if is_suppressed:
        scenario.suppress(ADA, "erased")
    with signing_up_before_the_import_decides(scenario, engine, ADA):
        take(scenario, f"{ADA},news-flash,unsubscribed,,")
    assert scenario.subscription().status == "pending"


@pytest.mark.parametrize("sqlstate", ["40P01", "57014"])
def test_a_chunk_that_lost_a_race_is_written_once_more_and_its_mails_keep_their_times(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, sqlstate: str
):
    real = import_chunk
    calls: list[int] = []

    def lose_once(*given: Any, **more: Any) -> Any:
        kept = real(*given, **more)
        calls.append(len(kept))
        if len(calls) == 1:
            error: Any = Exception("lost")
            error.sqlstate = sqlstate
            raise OperationalError("x", None, error)
        return kept

    monkeypatch.setattr(import_chunks, "import_chunk", lose_once)
    start = utc_now()
    rows = [f"p{number}@example.org,,confirmed,," for number in range(3)]
    if sqlstate != "40P01":
        with pytest.raises(OperationalError):
            take(scenario, *rows)
        assert scenario.rows(select(Subscriber.id)) == []
        return
    report = take(scenario, *rows)
    assert (report.rows, report.imported, report.asked, calls) == (3, 3, 3, [3, 3])
    assert len(scenario.rows(select(ConsentEvent.id))) == 3
    first = min(row.created_at for row in scenario.rows(select(OutboxMessage.created_at)))
    assert (first - start).total_seconds() < 3.6
