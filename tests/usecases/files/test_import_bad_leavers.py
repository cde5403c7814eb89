"""What says that somebody left is honoured, whatever else is wrong with its row."""

import io
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from service.domain.files.exchange import FileFormat
from service.store.tables.people import Subscriber, Subscription
from service.usecases.files.import_report import ImportReport
from service.usecases.files.import_subscribers import ImportOptions
from tests.scenario import ADA, Scenario

COLUMNS = "email,name,list,status,locale,source,confirmed_at,ended_at,ended_reason,attributes"
CONSENT = "2024-02-01T00:00:00Z"
BOB = "bob@example.org"


def take(
    scenario: Scenario, data: "str | bytes", form: str = "csv", **options: object
) -> ImportReport:
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    return scenario.services.import_(
        io.BytesIO(raw),
        format=FileFormat(form),
        actor="test",
        options=ImportOptions(**options),  # type: ignore[arg-type]
    )


@pytest.fixture
def subscribed(scenario: Scenario) -> Scenario:
    """Ada and Bob came by a file, each with a proven consent."""
    people = "".join(f"{email},,news-flash,confirmed,,shop,{CONSENT},,,\n" for email in (ADA, BOB))
    assert take(scenario, f"{COLUMNS}\n{people}").imported == 2
    return scenario


def statuses(scenario: Scenario) -> dict[str, str]:
    query = select(Subscriber.email, Subscription.status).join(
        Subscription, Subscription.subscriber_id == Subscriber.id
    )
    return {row.email: row.status for row in scenario.rows(query)}


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ("x,news-flash,unsubscribed,,,,3/1/2024 9:00,,", "ended_at"),
        ("x,news-flash,unsubscribed,,,,yesterday,,", "ended_at"),
        ("x,news-flash,unsubscribed,,,,2999-01-01T00:00:00Z,,", "ended_at"),
        ("x,news-flash,unsubscribed,,,,1704067200,,", "ended_at"),
        (f"{'x' * 201},news-flash,unsubscribed,,,,,,", "name"),
        ("two\0lines,news-flash,unsubscribed,,,,,,", "name"),
        ("Zoë caf\udce9,news-flash,unsubscribed,,,,,,", "name"),
        ("x,news-flash,unsubscribed,?!,,,,,", "locale"),
        (f"x,news-flash,unsubscribed,,{'s' * 501},,,,", "source"),
        ("x,news-flash,unsubscribed,,,soon,,,", "confirmed_at"),
        ("x,news-flash,unsubscribed,,,2999-01-01T00:00:00Z,,,", "confirmed_at"),
        ("x,news-flash,unsubscribed,,,,,moved house,", "ended_reason"),
        ("x,news-flash,unsubscribed,,,,,,{no json", "attributes"),
        ("x,news-flash,Unsubscribed ,,,,,,", None),
        ("x,news-flash,opted out,,,,,,", None),
        ("x,news-flash,confirmed,,shop,2024-02-01T00:00:00Z,2024-03-01T00:00:00Z,,", None),
        ("x,news-flash,confirmed,,shop,,soon,,", "ended_at"),
        ("x,news-flash,,,,,,one_click,", None),
        ("x,News-Flash,unsubscribed", None),
        ("x,news-flash,unsubscribed,,,,,,,,,,", None),
    ],
)
def test_who_left_has_left_though_another_cell_is_bad(
    subscribed: Scenario, cells: str, column: str | None
):
    report = take(subscribed, f"{COLUMNS}\n{ADA},{cells}\n")
    assert (report.imported, report.bad, report.skipped) == (1, 0, 0)
    assert {note.column for note in report.notes} == ({column} if column else set())
    assert report.noted == bool(column)
    assert statuses(subscribed) == {ADA: "unsubscribed", BOB: "confirmed"}
    assert all("x" * 20 not in note.message for note in report.notes)


@pytest.mark.parametrize(
    "line",
    [
        f'{ADA},"Ada "the Great" L",news-flash,unsubscribed,,,,,,',
        f'{ADA},"Ada,news-flash,unsubscribed,,,,,,',
        f'{ADA},Ada",news-flash,unsubscribed,,,,,,',
        f"{ADA},Ada, the Great,news-flash,unsubscribed,,,,,,",
        f'{ADA},a,news-flash,unsubscribed,"a',
    ],
)
@pytest.mark.parametrize("is_last", [True, False], ids=["last", "first"])
def test_a_stray_quote_keeps_nobody_who_left(subscribed: Scenario, line: str, *, is_last: bool):
    bob = f"{BOB},Bob,news-flash,unsubscribed,,,,,,\n"
    lines = [bob, f"{line}\n"] if is_last else [f"{line}\n", bob]
    report = take(subscribed, f"{COLUMNS}\n{''.join(lines)}")
    assert (report.rows, report.imported, report.bad) == (2, 2, 0)
    assert statuses(subscribed) == {ADA: "unsubscribed", BOB: "unsubscribed"}


@pytest.mark.parametrize(
    "line", [f'"{ADA}"x,Ada,news-flash,unsubscribed', f'{ADA}"x",Ada,news-flash,unsubscribed"']
)
def test_an_address_with_a_quote_in_it_is_not_guessed(subscribed: Scenario, line: str):
    report = take(subscribed, f"email,name,list,status\n{line}\n")
    assert (report.rows, report.bad) == (1, 1)
    assert statuses(subscribed) == {ADA: "confirmed", BOB: "confirmed"}


@pytest.mark.parametrize("count", [3, 6_000])
def test_a_quote_that_never_closes_costs_its_own_row_only(scenario: Scenario, count: int):
    take(
        scenario,
        "email,status,consent_at,consent_source\n"
        + "".join(f"p{n}@example.org,confirmed,{CONSENT},shop\n" for n in range(count)),
    )
    rows = "".join(f"p{n}@example.org,Name,unsubscribed\n" for n in range(count))
    report = take(scenario, f'email,name,status\nq@example.org,"Q,pending\n{rows}')
    assert [problem.line for problem in report.problems] == [2]
    assert (report.rows, report.imported, report.bad) == (count + 1, count, 1)
    assert set(statuses(scenario).values()) == {"unsubscribed"}


def test_a_quoted_cell_with_rows_in_it_is_told_and_none_of_them_is_believed(subscribed: Scenario):
    """It may be a name that somebody made up, and it may be two stray quotes."""
    inner = f"{ADA},,news-flash,unsubscribed\n{BOB},x,news-flash,unsubscribed"
    report = take(
        subscribed,
        f'email,name,list,status\ncay@example.org,"Cay\n{inner}",news-flash,pending\n'
        "dan@example.org,Dan,news-flash,pending\n",
    )
    assert [problem.line for problem in report.problems] == [2, 3, 4]
    assert statuses(subscribed) == {
        ADA: "confirmed",
        BOB: "confirmed",
        "dan@example.org": "pending",
    }


def test_a_name_over_several_lines_is_still_one_row(scenario: Scenario):
    report = take(scenario, 'email,name\na@example.org,"Ada\nat home, @work"\nb@example.org,B\n')
    assert (report.imported, report.bad) == (2, 0)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("12/31/2025 05:14:22 AM", datetime(2025, 12, 31, 5, 14, 22, tzinfo=UTC)),
        ("12/31/2025 12:14\u202fam", datetime(2025, 12, 31, 0, 14, tzinfo=UTC)),
        ("31.12.2025 05:14", datetime(2025, 12, 31, 5, 14, tzinfo=UTC)),
        ("31/12/2025", datetime(2025, 12, 31, tzinfo=UTC)),
        ("2025/12/31", datetime(2025, 12, 31, tzinfo=UTC)),
        ("2025-12-31 05:14:22", datetime(2025, 12, 31, 5, 14, 22, tzinfo=UTC)),
        (" 31-Dec-2025 5:14 ", datetime(2025, 12, 31, 5, 14, tzinfo=UTC)),
        ("Dec 31, 2025", datetime(2025, 12, 31, tzinfo=UTC)),
        ("3/3/2024", datetime(2024, 3, 3, tzinfo=UTC)),
    ],
)
def test_times_of_spreadsheets_are_read(subscribed: Scenario, text: str, at: datetime):
    report = take(subscribed, f'email,status,ended_at\n{ADA},unsubscribed,"{text}"\n')
    assert (report.imported, report.noted) == (1, 0)
    assert subscribed.subscription().ended_at == at


@pytest.mark.parametrize("is_first", [True, False], ids=["after", "before"])
@pytest.mark.parametrize(
    ("other", "month"), [("31/12/2023", 1), ("12/31/2023", 3)], ids=["day first", "month first"]
)
def test_other_rows_settle_which_is_the_day(
    subscribed: Scenario, other: str, month: int, *, is_first: bool
):
    rows = [f"{BOB},unsubscribed,{other}\n", f"{ADA},unsubscribed,3/1/2024 9:00\n"]
    report = take(
        subscribed, "email,status,ended_at\n" + "".join(rows if is_first else reversed(rows))
    )
    assert report.noted == 0
    ada = subscribed.subscription(ADA)
    if month == 3:
        assert ada.ended_at == datetime(2024, 3, 1, 9, tzinfo=UTC)
    else:
        # In January, and so before the consent that is known here.
        assert ada.ended_at is None


def test_a_column_that_writes_days_in_both_ways_settles_nothing(subscribed: Scenario):
    rows = "".join(
        f"p{number}@example.org,unsubscribed,{text}\n"
        for number, text in enumerate(("31/12/2023", "12/31/2023"))
    )
    report = take(subscribed, f"email,status,ended_at\n{rows}{ADA},unsubscribed,3/1/2024\n")
    assert [(note.line, note.column) for note in report.notes] == [(4, "ended_at")]
    assert subscribed.subscription().status == "unsubscribed"


def test_a_whole_day_ends_a_consent_of_that_day(scenario: Scenario):
    row = f"{ADA},confirmed,2024-02-01T10:00:00Z,shop,\n"
    header = "email,status,consent_at,consent_source,ended_at\n"
    take(scenario, header + row)
    assert take(scenario, f"{header}{ADA},unsubscribed,,,2024-02-01\n").imported == 1


def test_an_end_before_the_consent_of_its_own_row_is_an_end(subscribed: Scenario):
    report = take(
        subscribed,
        f"email,status,confirmed_at,ended_at\n{ADA},unsubscribed,{CONSENT},2024-01-01T00:00:00Z\n",
    )
    assert (report.imported, report.noted) == (1, 1)
    assert subscribed.subscription().status == "unsubscribed"


def test_where_the_file_means_that_all_left_an_address_is_enough(subscribed: Scenario):
    report = take(subscribed, f'email,name,status\n{ADA},"x"y,active\n{BOB}\n', left=True)
    assert (report.imported, report.bad) == (2, 0)
    assert set(statuses(subscribed).values()) == {"unsubscribed"}


def test_without_an_address_or_a_list_nobody_left(subscribed: Scenario):
    report = take(
        subscribed, f"email,list,status\nnobody,,unsubscribed\n{ADA},no-list,unsubscribed\n"
    )
    assert [(each.line, each.column) for each in report.problems] == [(2, "email"), (3, "list")]
    assert set(statuses(subscribed).values()) == {"confirmed"}


@pytest.mark.parametrize("text", ["-", "NULL", "n/a", "0000-00-00 00:00:00", "  "])
def test_what_means_no_time_ends_nothing(subscribed: Scenario, text: str):
    take(subscribed, f"email,status,ended_at,ended_reason\n{ADA},pending,{text},{text}\n")
    assert statuses(subscribed)[ADA] == "confirmed"


def test_a_row_of_very_many_cells_is_refused_and_costs_no_more_than_its_size(scenario: Scenario):
    """Every way to read it would be as many lists as it has cells."""
    many = "," * 30_000
    report = take(scenario, f"email,name{many}\n{ADA}{many},,,,x\n{ADA},Ada\n")
    assert [problem.line for problem in report.problems] == [2]
    assert report.imported == 1
