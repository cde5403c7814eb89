"""Files whose columns nobody here knows: what is refused, and how whoever imports them goes on."""

import io
import json

import pytest
from sqlalchemy import Engine, func, select

from service.domain.files.columns import ColumnsError, UnknownColumns
from service.domain.files.exchange import FileFormat
from service.domain.files.mapping import parse_mapping
from service.store.tables.delivery import OutboxMessage
from service.store.tables.people import Subscriber, Subscription
from service.usecases.files.import_report import ImportReport
from service.usecases.files.import_subscribers import Import, ImportOptions
from service.usecases.lists.lists import Lists

HASH_KEY = b"an-address-hash-key-for-tests-only-01"
PEOPLE = ("ada@example.org", "bob@example.org")


def take(
    engine: Engine,
    data: str,
    *maps: str,
    meanings: tuple[str, ...] = (),
    unknown: str | None = None,
    form: FileFormat = FileFormat.CSV,
    left: bool = False,
) -> ImportReport:
    return Import(engine, lists=Lists(engine), address_hash_key=HASH_KEY)(
        io.BytesIO(data.encode()),
        format=form,
        actor="test",
        options=ImportOptions(
            left=left,
            unknown=UnknownColumns(unknown) if unknown else None,
            columns=parse_mapping(maps, meanings),
        ),
    )


def held(engine: Engine) -> dict[str, tuple[str, str | None]]:
    query = select(Subscriber.email, Subscription.status, Subscription.ended_reason).join(
        Subscription, Subscription.subscriber_id == Subscriber.id
    )
    with engine.connect() as connection:
        return {row.email[:3]: (row.status, row.ended_reason) for row in connection.execute(query)}


def people(engine: Engine) -> dict[str, tuple[str | None, object]]:
    query = select(Subscriber.email, Subscriber.name, Subscriber.attributes)
    with engine.connect() as connection:
        return {row.email[:3]: (row.name, row.attributes) for row in connection.execute(query)}


def mails(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(OutboxMessage)).scalar_one()


@pytest.mark.parametrize(
    "data",
    [
        "Email,First name,Last name\nada@example.org,Ada,King\n",
        "Email Address,First Name,Last Name\nada@example.org,Ada,King\n",
    ],
)
def test_titles_that_many_tools_have_make_no_tool(engine: Engine, data: str):
    report = take(engine, data)
    assert (report.tool, report.left_out) == (None, [])
    assert held(engine) == {"ada": ("pending", None)}
    assert people(engine)["ada"][0] == "Ada King"
    assert mails(engine) == 0


def test_a_status_beside_a_tools_columns_never_confirms(engine: Engine):
    """Evidence of a confirmation stands in the row, and so does that the person left."""
    data = (
        "Email Address,OPTIN_TIME,CONFIRM_TIME,CONFIRM_IP,LAST_CHANGED,LEID,EUID,Status\n"
        "ada@example.org,2024-01-01 10:00:00,2024-01-01 10:05:00,192.0.2.1,x,1,a,unsubscribed\n"
        "bob@example.org,2024-01-01 10:00:00,2024-01-01 10:05:00,192.0.2.1,x,2,b,subscribed\n"
    )
    with pytest.raises(ColumnsError, match="File format: Mailchimp"):
        take(engine, data)
    report = take(engine, data, "Status:status", meanings=("Status:subscribed:confirmed",))
    assert report.tool == "mailchimp"
    assert held(engine) == {"ada": ("unsubscribed", "imported"), "bob": ("confirmed", None)}


def test_a_word_of_leaving_in_a_column_that_is_left_out_refuses_its_row(engine: Engine):
    data = (
        "Email Address,OPTIN_TIME,CONFIRM_TIME,LAST_CHANGED,LEID,EUID,Group\n"
        "ada@example.org,2024-01-01 10:00:00,,x,1,a,Unsubscribed\n"
        "bob@example.org,2024-01-01 10:00:00,,x,2,b,Choir\n"
    )
    report = take(engine, data)
    assert [(problem.line, problem.column) for problem in report.problems] == [(2, "Group")]
    assert list(held(engine)) == ["bob"]
    assert report.left_out == ["LAST_CHANGED", "LEID", "EUID", "Group"]


@pytest.mark.parametrize("unknown", [None, "refuse"])
def test_unknown_columns_refuse_a_file_of_no_tool(engine: Engine, unknown: str | None):
    with pytest.raises(ColumnsError) as caught:
        take(engine, "email,Town,Colour\nada@example.org,Köln,red\n", unknown=unknown)
    assert '"Town", "Colour"' in str(caught.value)
    assert "unknown=ignore" in str(caught.value)
    assert held(engine) == {}


def test_unknown_columns_are_left_out_or_kept_where_somebody_says_so(engine: Engine):
    data = "email,Town,Colour,attributes\n{},Köln,,\n"
    report = take(engine, data.format("ada@example.org"), unknown="ignore")
    assert report.left_out == ["Town", "Colour"]
    report = take(engine, data.format("bob@example.org"), unknown="attributes")
    assert report.left_out == []
    assert people(engine) == {"ada": (None, None), "bob": (None, {"Town": "Köln"})}


def test_a_mapping_says_what_columns_and_words_are(engine: Engine):
    data = (
        "Contact,Called,Since,Standing,Gone,Where: exactly,Town\n"
        "ada@example.org,Ada,2024-01-02 10:00:00,In,,Köln,x\n"
        "bob@example.org,Bob,2024-01-02 10:00:00,In,2024-02-02,Bonn,x\n"
        "cay@example.org,Cay,2024-01-02 10:00:00,Out,,Bonn,x\n"
        "dan@example.org,Dan,2024-01-02 10:00:00,Odd,,Bonn,x\n"
        "eve@example.org,Eve,2024-01-02 10:00:00,opted out,,Bonn,x\n"
    )
    report = take(
        engine,
        data,
        "Contact:email",
        "called:name",
        "Since:requested_at",
        "Standing:status",
        "Gone:unsubscribed_at",
        "Where: exactly:attribute",
        "Town:ignore",
        meanings=("Standing:in:confirmed", "Standing:Out:bounced"),
    )
    assert held(engine) == {
        "ada": ("pending", None),
        "bob": ("unsubscribed", "imported"),
        "cay": ("unsubscribed", "hard_bounce"),
        "eve": ("unsubscribed", "imported"),
    }
    assert [(problem.line, problem.column) for problem in report.problems] == [(5, "Standing")]
    assert (report.asked, mails(engine)) == (1, 1)
    assert people(engine)["ada"] == ("Ada", {"Where: exactly": "Köln"})
    assert [(use.title, use.taken_for) for use in report.columns][-2:] == [
        ("Where: exactly", "attribute"),
        ("Town", None),
    ]


def test_a_mapping_as_json_is_the_same(engine: Engine):
    said = {"Contact": "email", "Out": {"column": "status", "words": {"": "confirmed"}}}
    report = take(
        engine,
        "Contact,Out\nada@example.org,\nbob@example.org,unsubscribed\n",
        json.dumps(said),
    )
    assert report.bad == 0
    assert held(engine) == {"ada": ("pending", None), "bob": ("unsubscribed", "imported")}


def test_several_columns_may_tell_who_left_and_the_strictest_counts(engine: Engine):
    report = take(
        engine,
        "email,List,Whole account\nada@example.org,in,unsubscribed\nbob@example.org,in,spam\n",
        "List:status",
        "Whole account:status",
        meanings=("List:in:confirmed",),
    )
    assert report.bad == 0
    assert held(engine) == {
        "ada": ("unsubscribed", "imported"),
        "bob": ("unsubscribed", "complaint"),
    }


def test_rows_of_json_follow_the_same_rules(engine: Engine):
    lines = [
        {"email": "ada@example.org", "Town": "Köln"},
        {"email": "bob@example.org", "Email status": "Unsubscribed"},
        {"id": "x", "erased_at": "2024-01-01T00:00:00Z"},
    ]
    data = "\n".join(map(json.dumps, lines))
    report = take(engine, data, form=FileFormat.NDJSON)
    assert (report.bad, report.skipped) == (2, 1)
    report = take(engine, data, form=FileFormat.NDJSON, unknown="attributes")
    assert (report.bad, report.imported) == (1, 1)
    report = take(engine, data, "Email status:status", form=FileFormat.NDJSON, unknown="ignore")
    assert report.bad == 0
    assert held(engine) == {"ada": ("pending", None), "bob": ("unsubscribed", "imported")}


def test_a_file_of_people_who_left_needs_no_explanation(engine: Engine):
    report = take(
        engine, "Email,Reason,Unsubscribed on\nada@example.org,too many,yesterday\n", left=True
    )
    assert report.left_out == ["Reason", "Unsubscribed on"]
    assert held(engine) == {"ada": ("unsubscribed", "imported")}
