"""What a file says of an address holds for the address, as an event of a mail API does."""

import io
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, insert, select

from service.clock import utc_now
from service.domain.address import address_hash, parse_address
from service.domain.files.exchange import FileFormat
from service.store.tables.core import ConsentEvent, OutboxMessage, Subscriber, Suppression
from service.usecases.files.import_report import ImportReport
from service.usecases.files.import_subscribers import ImportOptions
from tests.store.world import ADA, NOON, World

HEADER = "email,list,status,ended_at,ended_reason\n"
DAY = timedelta(days=1)


def take(world: World, rows: str, *, header: str = HEADER, **options: object) -> ImportReport:
    return world.usecases.import_(
        io.BytesIO((header + rows).encode()),
        format=FileFormat.CSV,
        actor="test",
        options=ImportOptions(**options),  # type: ignore[arg-type]
    )


def suppressed(world: World) -> set[tuple[str, str | None, str | None]]:
    query = select(Suppression.reason, Suppression.email_key, Suppression.note)
    return {tuple(row) for row in world.rows(query)}


def suppress(world: World, reason: str) -> None:
    """Suppress Ada as an erasure leaves it: nothing but the hash."""
    key = world.usecases.settings.address_hash_key
    with world.engine.begin() as connection:
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
    world: World, cells: str, reason: str
):
    world.make_lists("weekly")
    with time_machine.travel(NOON, tick=False):
        world.sign_up(ADA, "news-flash", "weekly")
        world.confirm()
        report = take(world, f"{ADA},news-flash,{cells}\n")
        assert (report.imported, report.bad, report.skipped) == (1, 0, 0)
        for slug in ("news-flash", "weekly"):
            held = world.subscription(slug=slug)
            assert (held.status, held.ended_reason) == ("unsubscribed", reason)
        assert suppressed(world) == {(reason, ADA, "import")}
        again = take(world, f"{ADA},news-flash,{cells}\n")
    assert (again.imported, again.unchanged) == (0, 1)
    ends = world.rows(select(ConsentEvent.detail).where(ConsentEvent.kind == "unsubscribed"))
    assert [detail for (detail,) in ends] == [reason, reason]


def test_a_row_for_no_list_of_ours_still_reports_its_address(world: World):
    world.sign_up()
    report = take(world, f"{ADA},elsewhere,bounced,,\nbob@example.org,elsewhere,unsubscribed,,\n")
    assert (report.rows, report.imported, report.bad) == (2, 1, 1)
    assert [(note.line, note.column) for note in report.notes] == [(2, "list")]
    assert world.subscription().status == "unsubscribed"
    assert suppressed(world) == {("hard_bounce", ADA, "import")}


def test_a_later_confirmation_stands_against_an_older_bounce(world: World):
    with time_machine.travel(NOON, tick=False) as clock:
        world.sign_up()
        clock.shift(DAY)
        world.confirm()
        confirmed_at = utc_now()
        clock.shift(DAY)
        older = take(world, f"{ADA},,bounced,{(confirmed_at - DAY).isoformat()},\n")
        assert (older.imported, older.skipped) == (0, 1)
        assert suppressed(world) == set()
        newer = take(world, f"{ADA},,bounced,{(confirmed_at + timedelta(hours=1)).isoformat()},\n")
    assert newer.imported == 1
    assert world.subscription().status == "unsubscribed"
    assert {reason for reason, _, _ in suppressed(world)} == {"hard_bounce"}


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "last"])
def test_rows_of_one_file_agree_on_the_address(world: World, *, is_first: bool):
    """Nobody is asked by email who bounced in another row, whichever comes first."""
    world.make_lists("weekly")
    rows = [f"{ADA},news-flash,confirmed,,\n", f"{ADA},weekly,bounced,,\n"]
    report = take(world, "".join(reversed(rows) if is_first else rows))
    assert (report.imported, report.asked) == (2, 0)
    assert world.rows(select(func.count()).select_from(OutboxMessage)) == [(0,)]
    assert {world.subscription(slug=slug).status for slug in ("news-flash", "weekly")} == {
        "unsubscribed"
    }


def test_a_repeated_row_still_reports(world: World):
    take(world, f"{ADA},,unsubscribed,2024-01-01T00:00:00Z,\n{ADA},,bounced,,\n{ADA},,spam,,\n")
    assert {reason for reason, _, _ in suppressed(world)} == {"hard_bounce", "complaint"}


@pytest.mark.parametrize("is_known", [True, False], ids=["again", "new"])
def test_an_erased_address_stays_so_and_is_not_named(world: World, *, is_known: bool):
    suppress(world, "erased")
    if is_known:
        suppress(world, "complaint")
    report = take(world, f"{ADA},,complained,,\n")
    assert {reason for reason, _, _ in suppressed(world)} == {"erased", "complaint"}
    assert {key for _, key, _ in suppressed(world)} == {None}
    assert report.imported == (not is_known)
    assert world.rows(select(Subscriber.email)) == []


def test_leaving_alone_suppresses_nobody(world: World):
    take(world, f"{ADA},,unsubscribed,,\n{ADA},,opted out,,\nbob@example.org,,removed,,\n")
    assert suppressed(world) == set()


def test_a_dry_run_suppresses_nobody(world: World):
    world.sign_up()
    assert take(world, f"{ADA},,bounced,,\n", dry_run=True).imported == 1
    assert suppressed(world) == set()
    assert world.subscription().status == "pending"
