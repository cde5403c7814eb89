"""No cell keeps white space around it, and no text what an export cannot carry back."""

import io
import json

import pytest
from sqlalchemy import select

from service.domain.errors import InvalidInputError
from service.domain.files.exchange import FileFormat
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscriber, Subscription
from service.usecases.files.import_report import ImportReport
from service.usecases.files.import_subscribers import ImportOptions
from tests.scenario import Scenario

SPACES = [
    " ",
    "\t",
    "\n",
    "\r\n",
    "\v",
    "\x1f",
    "\xa0",
    "\u3000",
    "\u2028",
    "\u200b",
    "\ufeff",
    "\u2060\xad",
]


def take(scenario: Scenario, data: "str | bytes", form: str = "csv") -> ImportReport:
    raw = data.encode() if isinstance(data, str) else data
    return scenario.services.import_(io.BytesIO(raw), format=FileFormat(form), actor="test")


def cells(space: str, form: str) -> str:
    row = {
        "email": "bob@example.org",
        "name": "Bob B.",
        "list": "news-flash",
        "status": "confirmed",
        "locale": "en",
        "source": "https://example.org/",
        "confirmed_at": "2025-01-02T03:04:05Z",
        "consent_text_version": "1",
        "attributes": '{"city": 1}',
    }
    padded = {name: f"{space}{cell}{space}" for name, cell in row.items()}
    if form == "ndjson":
        padded["attributes"] = json.loads(row["attributes"])
        return json.dumps(padded) + "\n"
    line = ",".join('"' + cell.replace('"', '""') + '"' for cell in padded.values())
    return f"{','.join(row)}\n{line}\n"


@pytest.mark.parametrize("form", ["csv", "ndjson"])
@pytest.mark.parametrize("space", SPACES, ids=ascii)
def test_white_space_around_a_cell_is_gone(scenario: Scenario, space: str, form: str):
    report = take(scenario, cells(space, form), form)
    assert (report.imported, report.asked, report.noted) == (1, 0, 0)
    person = scenario.person("bob@example.org")
    held = scenario.subscription("bob@example.org")
    assert (person.email, person.email_key) == ("bob@example.org", "bob@example.org")
    assert (person.name, person.locale, person.attributes) == ("Bob B.", "en", {"city": 1})
    assert (held.status, held.source, held.consent_text_version) == (
        "confirmed",
        "https://example.org/",
        "1",
    )
    assert scenario.rows(select(ConsentEvent.email, ConsentEvent.source)) == [
        ("bob@example.org", "https://example.org/")
    ]


@pytest.mark.parametrize(
    "address",
    [
        "bob@exam\u200bple.org",
        "bo b@example.org",
        "bob@example.org\x00",
        "bob@example.org,\tcay@example.org",
        "bob@example.org\ncay@example.org",
        "b\u202eob@example.org",
        "bob@example.org\x1b",
        "\ud800bob@example.org",
    ],
    ids=ascii,
)
def test_white_space_within_an_address_is_refused(scenario: Scenario, address: str):
    report = take(scenario, json.dumps({"email": address, "status": "pending"}), "ndjson")
    assert [(each.line, each.column) for each in report.problems] == [(1, "email")]
    assert scenario.rows(select(Subscriber.email)) == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("two\nlines", "two lines"),
        ("car\r\nriage", "car riage"),
        ("be\x07ll", "be ll"),
        ("tab\tbed", "tab bed"),
        ("line\u2028end", "line end"),
        ("zero\u200bwidth", "zerowidth"),
        ("over\u202eride", "override"),
    ],
    ids=ascii,
)
def test_a_name_is_one_line_of_visible_characters(scenario: Scenario, name: str, kept: str):
    row = {"email": "bob@example.org", "name": name, "source": name}
    report = take(scenario, json.dumps(row), "ndjson")
    assert [(note.line, note.column) for note in report.notes] == [(1, "name"), (1, "source")]
    assert scenario.person("bob@example.org").name == kept
    assert scenario.subscription("bob@example.org").source == kept


@pytest.mark.parametrize("bad", ["nul\0", "half \ud83d", "\udfff"], ids=ascii)
@pytest.mark.parametrize("column", ["name", "source", "list", "status", "locale", "attributes"])
def test_what_no_database_keeps_is_refused_by_row(scenario: Scenario, column: str, bad: str):
    rows = [
        {"email": "bob@example.org", column: {bad: bad} if column == "attributes" else bad},
        {"email": "cay@example.org"},
    ]
    report = take(scenario, "\n".join(map(json.dumps, rows)), "ndjson")
    assert [(each.line, each.column) for each in report.problems] == [(1, column)]
    assert report.imported == 1


def test_names_of_attributes_are_trimmed_at_every_depth(scenario: Scenario):
    attributes = {" city\n": "  as it is ", "deep": [{"\xa0a\u200b": 1}]}
    row = {"email": "bob@example.org", "attributes": attributes}
    report = take(scenario, json.dumps(row), "ndjson")
    assert [(note.line, note.column) for note in report.notes] == [(1, "attributes")]
    assert scenario.person("bob@example.org").attributes == {
        "city": "  as it is ",
        "deep": [{"a": 1}],
    }
    two = {"email": "cay@example.org", "attributes": {"a": 1, " a": 2}}
    assert take(scenario, json.dumps(two), "ndjson").bad == 1


def test_attributes_that_an_export_makes_longer_than_a_row_are_refused(scenario: Scenario):
    row = {"email": "bob@example.org", "attributes": {"n": [1e300] * 1_000}}
    report = take(scenario, json.dumps(row), "ndjson")
    assert [(each.line, each.column) for each in report.problems] == [(1, "attributes")]
    assert scenario.rows(select(Subscription.status)) == []


PEOPLE = "email,name,status\nada@example.org,Ada,pending\nbob@example.org,Bob,pending\n"


@pytest.mark.parametrize(
    "data",
    [
        PEOPLE.replace("\n", "\r").encode(),
        PEOPLE.replace("\n", "\r\n", 2).encode(),
        PEOPLE.replace("\n", "\r", 1).encode(),
        PEOPLE.replace("\n", "\r").encode("utf-16"),
        PEOPLE.encode("utf-32"),
        PEOPLE.encode("utf-32-be"),
        PEOPLE.encode("utf-16-be"),
        b"\xef\xbb\xbf" + PEOPLE.replace(",", "\t").encode(),
        PEOPLE.replace(",", ";").encode("utf-16"),
        ("\n\n" + PEOPLE).encode(),
        PEOPLE.replace("\n", ",,\n").encode(),
        PEOPLE.replace("status\n", "status,,\n").encode(),
        PEOPLE.replace(",pending", "").encode(),
        PEOPLE.replace("name", "name,Name,NAME").replace("Ada,", "Ada,,Ada,").encode(),
        PEOPLE.replace("email", "\ufeff Email ").encode(),
        (PEOPLE + ",,\n , ,\n\n").encode(),
        b"name,email,status\nAda,ada@example.org,pending\nBob,bob@example.org,pending\n",
    ],
    ids=[
        *("CR", "mixed", "CR header", "CR UTF-16", "UTF-32", "UTF-32 BE", "UTF-16 BE", "tabs"),
        *("semicolons", "blank lines", "empty cells", "empty titles", "short rows", "repeated"),
        *("marked title", "empty rows", "other order"),
    ],
)  # fmt: skip
def test_files_as_programs_write_them_are_read(scenario: Scenario, data: bytes):
    if b"NAME" in data:
        data = data.replace(b"Bob,", b"Bob,,,")
    report = take(scenario, data)
    assert (report.rows, report.imported, report.problems) == (2, 2, [])
    people = scenario.rows(select(Subscriber.email, Subscriber.name).order_by("email"))
    assert people == [("ada@example.org", "Ada"), ("bob@example.org", "Bob")]


@pytest.mark.parametrize("codec", ["utf-16", "utf-32", "U16"])
def test_a_named_encoding_of_two_orders_is_read_without_a_mark(scenario: Scenario, codec: str):
    for order in ("-le", "-be"):
        name = {"U16": "utf-16"}.get(codec, codec)
        report = scenario.services.import_(
            io.BytesIO(PEOPLE.encode(name + order)),
            format=FileFormat.CSV,
            actor="test",
            options=ImportOptions(encoding=codec),
        )
        assert (report.rows, report.bad) == (2, 0)


@pytest.mark.parametrize("name", ["idna", "punycode", "unicode_escape", "undefined", "hex"])
def test_an_encoding_in_which_no_file_is_written_is_refused(scenario: Scenario, name: str):
    with pytest.raises(InvalidInputError) as caught:
        scenario.services.import_(
            io.BytesIO(PEOPLE.encode()),
            format=FileFormat.CSV,
            actor="test",
            options=ImportOptions(encoding=name),
        )
    assert caught.value.field == "encoding"


@pytest.mark.parametrize(
    ("data", "column", "says"),
    [
        ("email,name,name\nada@example.org,Ada,Bea\n", "name", "has two different cells"),
        ("email,\nada@example.org,unsubscribed\n", None, "without a title"),
        ("email,name\nada@example.org,Ada,Lovelace\n", None, "3 cells where the header has 2"),
        ('email,name\nada@example.org,"Ada" L\n', None, "quote"),
        ("email,name,locale\nada@example.org,Ada,Ada!\n", "locale", "export"),
        ("email,status\nada@example.org,Ada\n", "status", "pending, confirmed, unsubscribed"),
        ("email,list\nada@example.org,Ada\n", "list", "does not exist"),
        ("email,confirmed_at\nada@example.org,Ada\n", "confirmed_at", "2026-03-01T12:00:00Z"),
        ("email,attributes\nada@example.org,Ada\n", "attributes", '{"city": "Paris"}'),
    ],
)
def test_a_refusal_names_the_column_and_the_fix_and_nobody(
    scenario: Scenario, data: str, column: str | None, says: str
):
    report = take(scenario, data)
    (problem,) = report.problems
    assert (problem.line, problem.column) == (2, column)
    assert says in problem.message
    assert "Ada" not in problem.message
    assert "ada@" not in problem.message
