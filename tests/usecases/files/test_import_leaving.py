"""Whom a file of people who left takes off a list here, and whom not."""

import io
from datetime import timedelta
from itertools import permutations

import pytest
import time_machine
from sqlalchemy import select

from service.clock import utc_now
from service.domain.consent import Evidence
from service.domain.files.exchange import FileFormat
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscriber
from service.usecases.files import import_subscribers as module
from service.usecases.files.import_report import ImportReport
from service.usecases.operations.statistics import Statistics
from tests.scenario import ADA, NOON, Scenario

HEADER = "email,status,confirmed_at,source,ended_at\n"
CONSENT = f"{ADA},confirmed,2025-06-01T00:00:00Z,https://example.org/form,\n"
PENDING = f"{ADA},pending,,,\n"
LEFT = f"{ADA},unsubscribed,,,\n"
DAY = timedelta(days=1)


def take(scenario: Scenario, rows: str) -> ImportReport:
    return scenario.services.import_(
        io.BytesIO((HEADER + rows).encode()), format=FileFormat.CSV, actor="test"
    )


def left(at: object) -> str:
    return f"{ADA},unsubscribed,,,{at}\n"


@pytest.mark.parametrize("last_act", ["sign_up", "confirm", "resume"])
@pytest.mark.parametrize("has_left_once", [False, True], ids=["first cycle", "second cycle"])
def test_a_leaving_counts_only_after_the_persons_last_act(
    scenario: Scenario, last_act: str, *, has_left_once: bool
):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        if has_left_once:
            scenario.leave()
            clock.shift(DAY)
            scenario.sign_up()
        if last_act != "sign_up":
            clock.shift(DAY)
            scenario.confirm()
        if last_act == "resume":
            clock.shift(DAY)
            undo = scenario.leave()
            assert undo is not None
            clock.shift(timedelta(minutes=30))
            scenario.services.unsubscribe.undo(undo, Evidence())
        acted_at = utc_now()
        clock.shift(10 * DAY)
        before = scenario.subscription()
        for row in (left(acted_at.isoformat()), left((acted_at - DAY).isoformat()), LEFT):
            report = take(scenario, row)
            assert (report.imported, report.skipped) == (0, 1)
        assert scenario.subscription() == before
        report = take(scenario, left((acted_at + DAY).isoformat()))
    assert (report.imported, report.skipped) == (1, 0)
    after = scenario.subscription()
    assert (after.status, after.epoch, after.ended_at) == (
        "unsubscribed",
        2 if has_left_once else 1,
        acted_at + DAY,
    )
    last = scenario.rows(select(ConsentEvent.__table__).order_by(ConsentEvent.id.desc()))[0]
    assert (last.kind, last.epoch, last.detail) == ("unsubscribed", after.epoch, "imported")
    assert last.text_version is None


def test_what_a_file_alone_says_is_pending_is_no_consent(scenario: Scenario):
    """It may be of any time: the file that told of it need not have said."""
    take(scenario, PENDING)
    assert take(scenario, left("2025-01-01T00:00:00Z")).imported == 1
    assert scenario.subscription().status == "unsubscribed"


@pytest.mark.parametrize("act", ["pending", "confirmed"])
def test_signing_up_here_outlives_an_older_leaving_though_a_file_came_first(
    scenario: Scenario, act: str
):
    with time_machine.travel(NOON, tick=False) as clock:
        take(scenario, PENDING if act == "pending" else CONSENT)
        scenario.sign_up()
        clock.shift(DAY)
        assert take(scenario, left("2025-09-01T00:00:00Z")).skipped == 1
    assert scenario.subscription().status == act


def test_why_somebody_is_not_taken_off_is_told_as_it_is(scenario: Scenario):
    take(scenario, CONSENT)
    older = take(scenario, left("2025-01-01T00:00:00Z")).problems
    scenario.sign_up()
    untimed = take(scenario, LEFT).problems
    assert [each.message for each in older + untimed] == [
        "unsubscribed before a later consent or signup here",
        "does not say when the person unsubscribed, and they signed up here themselves",
    ]


def test_whoever_is_suppressed_leaves_by_a_file_too_but_nothing_is_made(scenario: Scenario):
    take(scenario, CONSENT)
    scenario.suppress(ADA, "manual")
    stranger = "bob@example.org"
    scenario.suppress(stranger, "manual")
    report = take(scenario, LEFT + LEFT.replace(ADA, stranger))
    assert (report.imported, report.skipped) == (1, 1)
    assert scenario.subscription().status == "unsubscribed"
    assert scenario.rows(select(Subscriber.email)) == [(ADA,)]


def test_a_file_does_not_confirm_whom_it_may_not_mail(scenario: Scenario):
    take(scenario, PENDING)
    scenario.suppress(ADA, "manual")
    report = take(scenario, CONSENT)
    assert [each.message for each in report.problems] == ["is suppressed and gets no email"]
    assert scenario.subscription().status == "pending"


@pytest.mark.parametrize(
    "rows", list(permutations([PENDING, CONSENT, left("2025-01-01T00:00:00Z")], 2))
)
@pytest.mark.parametrize("then", [CONSENT, LEFT, left("2025-07-01T00:00:00Z"), PENDING])
def test_rows_of_one_file_come_to_what_they_do_in_files_of_their_own(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, rows: tuple[str, ...], then: str
):
    rows = (*rows, then)
    take(scenario, "".join(rows))
    together = scenario.subscription().status
    scenario.erase(ADA)
    for row in rows:
        take(scenario, row)
    assert scenario.subscription().status == together
    scenario.erase(ADA)
    monkeypatch.setattr(module, "CHUNK_ROWS", 1)
    take(scenario, "".join(rows))
    assert scenario.subscription().status == together


def test_whom_a_file_took_off_is_a_leaver_but_not_whoever_was_gone_before(scenario: Scenario):
    complained = "bob@example.org"
    take(scenario, CONSENT + CONSENT.replace(ADA, complained))
    take(scenario, LEFT + LEFT.replace(ADA, "gone@example.org"))
    scenario.services.import_(
        io.BytesIO(f"email,status,ended_reason\n{complained},unsubscribed,complaint\n".encode()),
        format=FileFormat.CSV,
        actor="test",
    )
    assert scenario.subscription(complained).status == "unsubscribed"
    report = Statistics(scenario.engine, lists=scenario.services.lists).report()
    assert report.totals.leavers == 1
