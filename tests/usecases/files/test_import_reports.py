"""What a file says of an address holds for the address, as an event of a mail API does."""

import io
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, insert, select

from service.clock import utc_now
from service.domain.address import address_hash, parse_address
from service.domain.files.exchange import FileFormat
from service.store.tables.delivery import OutboxMessage
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscriber, Suppression
from service.usecases.files.import_report import ImportReport
from service.usecases.files.import_subscribers import ImportOptions
from tests.scenario import ADA, NOON, Scenario

HEADER = "email,list,status,ended_at,ended_reason\n"
DAY = timedelta(days=1)


def take(scenario: Scenario, rows: str, *, header: str = HEADER, **options: object) -> ImportReport:
    return scenario.services.import_(
        io.BytesIO((header + rows).encode()),
        format=FileFormat.CSV,
        actor="test",
        options=ImportOptions(**options),  # type: ignore[arg-type]
    )


def suppressed(scenario: Scenario) -> set[tuple[str, str | None, str | None]]:
    query = select(Suppression.reason, Suppression.email_key, Suppression.note)
    return {tuple(row) for row in scenario.rows(query)}


def suppress(scenario: Scenario, reason: str) -> None:
    """Suppress Ada as an erasure leaves it: nothing but the hash."""
    key = scenario.services.settings.address_hash_key
    with scenario.engine.begin() as connection:
        connection.execute(
            insert(Suppression).values(
                address_hash=address_hash(parse_address(ADA).key, key),
                reason=reason,
                created_at=NOON,
            )
        )


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("bounced,,", "hard_bounce"),
        ("Cleaned,,", "hard_bounce"),
        ("unsubscribed,,hard_bounce", "hard_bounce"),
        ("complained,,", "complaint"),
        ("unsubscribed,,Spam complaint", "complaint"),
        ("bounced,,complaint", "complaint"),
        ("confirmed,,hard_bounce", "hard_bounce"),
    ],
)
def test_a_bounce_or_a_complaint_ends_every_list_and_suppresses(
    scenario: Scenario, cells: str, reason: str
):
    scenario.make_lists("weekly")
    with time_machine.travel(NOON, tick=False):
        scenario.sign_up(ADA, "news-flash", "weekly")
        scenario.confirm()
        report = take(scenario, f"{ADA},news-flash,{cells}\n")
        assert (report.imported, report.bad, report.skipped) == (1, 0, 0)
        for slug in ("news-flash", "weekly"):
            held = scenario.subscription(slug=slug)
            assert (held.status, held.ended_reason) == ("unsubscribed", reason)
        assert suppressed(scenario) == {(reason, ADA, "import")}
        again = take(scenario, f"{ADA},news-flash,{cells}\n")
    assert (again.imported, again.unchanged) == (0, 1)
    ends = scenario.rows(select(ConsentEvent.detail).where(ConsentEvent.kind == "unsubscribed"))
    assert [detail for (detail,) in ends] == [reason, reason]


def test_a_row_for_no_list_of_ours_still_reports_its_address(scenario: Scenario):
    scenario.sign_up()
    report = take(
        scenario, f"{ADA},elsewhere,bounced,,\nbob@example.org,elsewhere,unsubscribed,,\n"
    )
    assert (report.rows, report.imported, report.bad) == (2, 1, 1)
    assert [(note.line, note.column) for note in report.notes] == [(2, "list")]
    assert scenario.subscription().status == "unsubscribed"
    assert suppressed(scenario) == {("hard_bounce", ADA, "import")}


def test_a_later_confirmation_stands_against_an_older_bounce(scenario: Scenario):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        clock.shift(DAY)
        scenario.confirm()
        confirmed_at = utc_now()
        clock.shift(DAY)
        older = take(scenario, f"{ADA},,bounced,{(confirmed_at - DAY).isoformat()},\n")
        assert (older.imported, older.skipped) == (0, 1)
        assert suppressed(scenario) == set()
        newer = take(
            scenario, f"{ADA},,bounced,{(confirmed_at + timedelta(hours=1)).isoformat()},\n"
        )
    assert newer.imported == 1
    assert scenario.subscription().status == "unsubscribed"
    assert {reason for reason, _, _ in suppressed(scenario)} == {"hard_bounce"}


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "last"])
def test_rows_of_one_file_agree_on_the_address(scenario: Scenario, *, is_first: bool):
    """Nobody is asked by email who bounced in another row, whichever comes first."""
    scenario.make_lists("weekly")
    rows = [f"{ADA},news-flash,confirmed,,\n", f"{ADA},weekly,bounced,,\n"]
    report = take(scenario, "".join(reversed(rows) if is_first else rows))
    assert (report.imported, report.asked) == (2, 0)
    assert scenario.rows(select(func.count()).select_from(OutboxMessage)) == [(0,)]
    assert {scenario.subscription(slug=slug).status for slug in ("news-flash", "weekly")} == {
        "unsubscribed"
    }


def test_a_repeated_row_still_reports(scenario: Scenario):
    take(scenario, f"{ADA},,unsubscribed,2024-01-01T00:00:00Z,\n{ADA},,bounced,,\n{ADA},,spam,,\n")
    assert {reason for reason, _, _ in suppressed(scenario)} == {"hard_bounce", "complaint"}


@pytest.mark.parametrize("is_known", [True, False], ids=["again", "new"])
def test_an_erased_address_stays_so_and_is_not_named(scenario: Scenario, *, is_known: bool):
    suppress(scenario, "erased")
    if is_known:
        suppress(scenario, "complaint")
    report = take(scenario, f"{ADA},,complained,,\n")
    assert {reason for reason, _, _ in suppressed(scenario)} == {"erased", "complaint"}
    assert {key for _, key, _ in suppressed(scenario)} == {None}
    assert report.imported == (not is_known)
    assert scenario.rows(select(Subscriber.email)) == []


def test_leaving_alone_suppresses_nobody(scenario: Scenario):
    take(scenario, f"{ADA},,unsubscribed,,\n{ADA},,opted out,,\nbob@example.org,,removed,,\n")
    assert suppressed(scenario) == set()


def test_a_dry_run_suppresses_nobody(scenario: Scenario):
    scenario.sign_up()
    assert take(scenario, f"{ADA},,bounced,,\n", dry_run=True).imported == 1
    assert suppressed(scenario) == set()
    assert scenario.subscription().status == "pending"
