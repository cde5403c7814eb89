"""No cell keeps white space around it, and no text what an export cannot carry back."""

import io
import json

import pytest
from sqlalchemy import select

from service.domain.exchange import FileFormat
from service.store.models import ConsentEvent, Subscriber, Subscription
from service.usecases.import_report import ImportReport
from tests.store.world import World

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


def take(world: World, data: "str | bytes", form: str = "csv") -> ImportReport:
    raw = data.encode() if isinstance(data, str) else data
    return world.usecases.import_(io.BytesIO(raw), format=FileFormat(form), actor="test")


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
def test_white_space_around_a_cell_is_gone(world: World, space: str, form: str):
    report = take(world, cells(space, form), form)
    assert (report.imported, report.asked, report.noted) == (1, 0, 0)
    person = world.person("bob@example.org")
    held = world.subscription("bob@example.org")
    assert (person.email, person.email_key) == ("bob@example.org", "bob@example.org")
    assert (person.name, person.locale, person.attributes) == ("Bob B.", "en", {"city": 1})
    assert (held.status, held.source, held.consent_text_version) == (
        "confirmed",
        "https://example.org/",
        "1",
    )
    assert world.rows(select(ConsentEvent.email, ConsentEvent.source)) == [
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
def test_white_space_within_an_address_is_refused(world: World, address: str):
    report = take(world, json.dumps({"email": address, "status": "pending"}), "ndjson")
    assert [(each.line, each.column) for each in report.problems] == [(1, "email")]
    assert world.rows(select(Subscriber.email)) == []


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
def test_a_name_is_one_line_of_visible_characters(world: World, name: str, kept: str):
    row = {"email": "bob@example.org", "name": name, "source": name}
    report = take(world, json.dumps(row), "ndjson")
    assert [(note.line, note.column) for note in report.notes] == [(1, "name"), (1, "source")]
    assert world.person("bob@example.org").name == kept
    assert world.subscription("bob@example.org").source == kept


@pytest.mark.parametrize("bad", ["nul\0", "half \ud83d", "\udfff"], ids=ascii)
@pytest.mark.parametrize("column", ["name", "source", "list", "status", "locale", "attributes"])
def test_what_no_database_keeps_is_refused_by_row(world: World, column: str, bad: str):
    rows = [
        {"email": "bob@example.org", column: {bad: bad} if column == "attributes" else bad},
        {"email": "cay@example.org"},
    ]
    report = take(world, "\n".join(map(json.dumps, rows)), "ndjson")
    assert [(each.line, each.column) for each in report.problems] == [(1, column)]
    assert report.imported == 1


def test_names_of_attributes_are_trimmed_at_every_depth(world: World):
    attributes = {" city\n": "  as it is ", "deep": [{"\xa0a\u200b": 1}]}
    row = {"email": "bob@example.org", "attributes": attributes}
    report = take(world, json.dumps(row), "ndjson")
    assert [(note.line, note.column) for note in report.notes] == [(1, "attributes")]
    assert world.person("bob@example.org").attributes == {
        "city": "  as it is ",
        "deep": [{"a": 1}],
    }
    two = {"email": "cay@example.org", "attributes": {"a": 1, " a": 2}}
    assert take(world, json.dumps(two), "ndjson").bad == 1


def test_attributes_that_an_export_makes_longer_than_a_row_are_refused(world: World):
    row = {"email": "bob@example.org", "attributes": {"n": [1e300] * 1_000}}
    report = take(world, json.dumps(row), "ndjson")
    assert [(each.line, each.column) for each in report.problems] == [(1, "attributes")]
    assert world.rows(select(Subscription.status)) == []
