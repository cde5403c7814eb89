"""Whole exports of other tools, with the headers and the formats that the tools write."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from service.domain.errors import InvalidInputError
from service.domain.files.columns import NOTHING_CHOSEN, plan_of
from service.domain.files.exchange import FileFormat
from service.domain.files.meanings import ANY_WORD, ENDED, explained
from service.domain.files.titles import title_key
from service.domain.files.tools import TOOLS, tool_of
from service.domain.files.tools.hosted.mailchimp import MAILCHIMP
from service.domain.files.tools.tool import Tool
from service.domain.files.translate import Translator
from service.store.tables.people import Subscriber, Subscription
from service.usecases.files.import_report import ImportReport, Outcome, RowResult
from service.usecases.files.import_subscribers import Import, ImportOptions
from service.usecases.lists.lists import Lists

FILES = Path(__file__).parent / "tool_files"
HASH_KEY = b"an-address-hash-key-for-tests-only-01"
IMPORTED, ASKED = Outcome.IMPORTED, Outcome.ASKED


@dataclass(frozen=True)
class Held:
    """What is known of a person after the import, and what the report says of the row."""

    outcome: Outcome
    status: str
    reason: str | None = None
    name: str | None = None
    attributes: Mapping[str, Any] | None = None
    requested_at: datetime | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    source: str | None = None


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def take(engine: Engine, data: bytes, **options: object) -> tuple[ImportReport, list[RowResult]]:
    told: list[RowResult] = []
    report = Import(engine, lists=Lists(engine), address_hash_key=HASH_KEY)(
        io.BytesIO(data),
        format=FileFormat.CSV,
        actor="test",
        options=ImportOptions(**options),  # type: ignore[arg-type]
        listener=told.append,
    )
    return report, sorted(told, key=lambda row: row.line)


def held(engine: Engine, told: list[RowResult]) -> dict[str, Held]:
    query = (
        select(Subscriber, Subscription)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .order_by(Subscriber.email_key)
    )
    outcomes = iter(told)
    with engine.connect() as connection:
        return {
            row.email.partition("@")[0]: Held(
                next(outcomes).outcome,
                row.status,
                row.ended_reason,
                row.name,
                row.attributes,
                row.requested_at,
                row.confirmed_at,
                row.ended_at,
                row.source,
            )
            for row in connection.execute(query)
        }


JOINED = at("2024-01-02T15:04:05.123456")
ASKED_AT, CLICKED_AT = at("2024-01-01T10:00"), at("2024-01-01T10:05")
BEGAN = at("2024-03-13T00:03:09.183465")
SINCE, TO_THE_MINUTE = at("2024-01-02T15:04:05"), at("2024-01-02T15:04")
COMPLAINED = ("unsubscribed", "complaint")
TAGGED = {"tags": ["VIP", "Köln"]}
CONFIRMED_BY_MAILCHIMP: dict[str, Any] = {
    "name": "Ada King",
    "requested_at": ASKED_AT,
    "confirmed_at": CLICKED_AT,
    "source": "confirmed with mailchimp",
}
LEFT, BOUNCED = ("unsubscribed", "imported"), ("unsubscribed", "hard_bounce")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (
            "listmonk.csv",
            {
                "ada": Held(
                    ASKED,
                    "pending",
                    name='Ada "A" King, L.',
                    attributes={"n": 1, "city": "Köln", "nested": {"a": [1, 2.5, None]}},
                    requested_at=JOINED,
                ),
                "bob": Held(IMPORTED, *LEFT, "=1+1", requested_at=JOINED),
                "cay": Held(IMPORTED, *LEFT, "Cay", {}, JOINED),
                "dan": Held(ASKED, "pending", name="Dan Newline", requested_at=JOINED),
                "eve": Held(ASKED, "pending", name="李小龍 🎉", attributes={}, requested_at=JOINED),
            },
        ),
        (
            "mailchimp_subscribed.csv",
            {
                "ada": Held(
                    IMPORTED,
                    "confirmed",
                    name="Ada King, L.",
                    attributes={"tags": ["VIP", "Web, new"]},
                    requested_at=ASKED_AT,
                    confirmed_at=CLICKED_AT,
                    source="confirmed with mailchimp",
                ),
                "bob": Held(ASKED, "pending", name="Bob", requested_at=ASKED_AT),
                "cay": Held(ASKED, "pending", requested_at=CLICKED_AT),
                "dan": Held(IMPORTED, "pending", name="Dan"),
            },
        ),
        (
            "mailchimp_german.csv",
            {
                "ada": Held(
                    IMPORTED,
                    "confirmed",
                    name="Ada König",
                    requested_at=ASKED_AT,
                    confirmed_at=CLICKED_AT,
                    source="confirmed with mailchimp",
                )
            },
        ),
        (
            "mailchimp_unsubscribed.csv",
            {
                "ada": Held(
                    IMPORTED,
                    *LEFT,
                    "Ada King",
                    requested_at=ASKED_AT,
                    confirmed_at=CLICKED_AT,
                    ended_at=at("2024-02-01T10:00"),
                    source="confirmed with mailchimp",
                ),
                "bob": Held(
                    IMPORTED,
                    *LEFT,
                    "Bob",
                    requested_at=ASKED_AT,
                    confirmed_at=CLICKED_AT,
                    source="confirmed with mailchimp",
                ),
            },
        ),
        (
            "mailchimp_cleaned.csv",
            {
                "ada": Held(
                    IMPORTED,
                    *BOUNCED,
                    "Ada King",
                    requested_at=ASKED_AT,
                    confirmed_at=CLICKED_AT,
                    ended_at=at("2024-03-01T10:00"),
                    source="confirmed with mailchimp",
                )
            },
        ),
        (
            "buttondown.csv",
            {
                "ada": Held(
                    ASKED,
                    "pending",
                    attributes={
                        "staff": True,
                        "role": "editor's",
                        "since": None,
                        "tags": ["corporate", "nyc"],
                    },
                    requested_at=BEGAN,
                    source="https://example.org/blog",
                ),
                "bob": Held(
                    IMPORTED,
                    *LEFT,
                    attributes={},
                    requested_at=BEGAN.replace(microsecond=0),
                    ended_at=at("2024-04-08T17:09:32.596959"),
                ),
                "cay": Held(IMPORTED, "pending", attributes={}, requested_at=BEGAN),
                "dan": Held(IMPORTED, *BOUNCED, attributes={}, requested_at=BEGAN),
                "eve": Held(
                    IMPORTED,
                    "unsubscribed",
                    "complaint",
                    attributes={},
                    requested_at=BEGAN,
                    ended_at=at("2024-04-08T17:09:32.596959"),
                ),
                "fay": Held(
                    ASKED,
                    "pending",
                    attributes={"name": "Fay", "nested": {"a": [1, 2.5]}},
                    requested_at=BEGAN,
                ),
                "gus": Held(IMPORTED, *LEFT, attributes={}, requested_at=BEGAN),
            },
        ),
        (
            "keila.csv",
            {
                "ada": Held(
                    ASKED,
                    "pending",
                    name="Ada King, L.",
                    attributes={"city": "Köln", "tags": ["a", 1]},
                ),
                "bob": Held(IMPORTED, *LEFT, "Bob"),
                "cay": Held(IMPORTED, *BOUNCED),
                "dan": Held(ASKED, "pending", name="Dan", attributes={}),
            },
        ),
        (
            "mailchimp_french.csv",
            {"ada": Held(**CONFIRMED_BY_MAILCHIMP, outcome=IMPORTED, status="confirmed")},
        ),
        (
            "mailchimp_spanish.csv",
            {
                "ada": Held(
                    **CONFIRMED_BY_MAILCHIMP,
                    outcome=IMPORTED,
                    status="unsubscribed",
                    reason="imported",
                    ended_at=at("2024-02-01T10:00"),
                )
            },
        ),
        (
            "substack.csv",
            {
                "ada": Held(ASKED, "pending", requested_at=SINCE.replace(microsecond=123_000)),
                "bob": Held(IMPORTED, *LEFT, requested_at=SINCE.replace(microsecond=123_000)),
                "cay": Held(IMPORTED, *LEFT, requested_at=SINCE.replace(microsecond=123_000)),
            },
        ),
        ("substack_paying.csv", {"ada": Held(ASKED, "pending"), "bob": Held(IMPORTED, *LEFT)}),
        (
            "ghost.csv",
            {
                "ada": Held(ASKED, "pending", None, "Ada King", TAGGED, SINCE),
                "bob": Held(IMPORTED, *LEFT, "Bob", requested_at=SINCE),
                "cay": Held(IMPORTED, *LEFT, requested_at=SINCE, ended_at=at("2024-02-01T10:00")),
            },
        ),
        (
            "brevo.csv",
            {
                "ada": Held(ASKED, "pending", None, "Ada King", requested_at=TO_THE_MINUTE),
                "bob": Held(IMPORTED, *LEFT, "Bob", requested_at=TO_THE_MINUTE),
                "cay": Held(IMPORTED, "pending", None, "Cay", requested_at=TO_THE_MINUTE),
            },
        ),
        (
            "brevo_without_status.csv",
            {"ada": Held(IMPORTED, "pending", None, "Ada King", requested_at=TO_THE_MINUTE)},
        ),
        (
            "kit.csv",
            {
                "ada": Held(ASKED, "pending", None, "Ada", TAGGED, SINCE),
                "bob": Held(IMPORTED, *LEFT, "Bob", requested_at=SINCE),
                "cay": Held(IMPORTED, *BOUNCED, requested_at=SINCE),
                "dan": Held(IMPORTED, *COMPLAINED, requested_at=SINCE),
                "eve": Held(IMPORTED, "pending", requested_at=SINCE),
            },
        ),
        (
            "mailerlite.csv",
            {
                "ada": Held(ASKED, "pending", None, "Ada King", requested_at=SINCE),
                "bob": Held(
                    IMPORTED, *LEFT, "Bob", requested_at=SINCE, ended_at=at("2024-02-01T10:00")
                ),
                "cay": Held(IMPORTED, *COMPLAINED, requested_at=SINCE),
                "dan": Held(IMPORTED, *BOUNCED, requested_at=SINCE),
                "eve": Held(IMPORTED, "pending", requested_at=SINCE),
            },
        ),
        (
            "mailtrain.csv",
            {
                "ada": Held(ASKED, "pending", None, "Ada King"),
                "bob": Held(IMPORTED, *LEFT, "Bob"),
                "cay": Held(IMPORTED, *BOUNCED),
                "dan": Held(IMPORTED, *COMPLAINED),
            },
        ),
        (
            "phplist.csv",
            {
                "ada": Held(ASKED, "pending", requested_at=SINCE),
                "bob": Held(IMPORTED, *LEFT, requested_at=SINCE),
                "cay": Held(IMPORTED, "pending", requested_at=SINCE),
                "dan": Held(IMPORTED, *LEFT, requested_at=SINCE),
                "eve": Held(IMPORTED, *LEFT, requested_at=SINCE),
            },
        ),
        (
            "beehiiv.csv",
            {
                "ada": Held(ASKED, "pending", None, "Ada King", requested_at=SINCE),
                "bob": Held(
                    IMPORTED, *LEFT, "Bob", requested_at=SINCE, ended_at=at("2024-02-01T10:00")
                ),
                "cay": Held(IMPORTED, *BOUNCED, requested_at=SINCE),
                "dan": Held(IMPORTED, "pending", requested_at=SINCE),
            },
        ),
        (
            "mailpoet.csv",
            {
                "ada": Held(ASKED, "pending", None, "Ada King", requested_at=SINCE),
                "bob": Held(IMPORTED, *LEFT, "Bob", requested_at=SINCE),
                "cay": Held(IMPORTED, *LEFT, requested_at=SINCE),
                "dan": Held(IMPORTED, *BOUNCED, requested_at=SINCE),
                "eve": Held(IMPORTED, "pending", requested_at=SINCE),
                "fay": Held(IMPORTED, "pending", requested_at=SINCE),
                "gus": Held(IMPORTED, "pending", requested_at=SINCE),
            },
        ),
        (
            "constant_contact.csv",
            {
                "ada": Held(ASKED, "pending", None, "Ada King", TAGGED, TO_THE_MINUTE),
                "bob": Held(
                    IMPORTED, *LEFT, "Bob", requested_at=SINCE, ended_at=at("2024-02-01T10:00")
                ),
                "cay": Held(IMPORTED, "pending", requested_at=SINCE),
                "dan": Held(IMPORTED, "pending", requested_at=SINCE),
                "eve": Held(IMPORTED, "pending", requested_at=SINCE),
            },
        ),
        (
            "activecampaign.csv",
            {
                "ada": Held(ASKED, "pending", None, "Ada King", TAGGED, SINCE),
                "bob": Held(IMPORTED, *LEFT, "Bob", requested_at=SINCE),
                "cay": Held(IMPORTED, *BOUNCED, requested_at=SINCE),
                "dan": Held(IMPORTED, "pending", requested_at=SINCE),
            },
        ),
        (
            "emailoctopus.csv",
            {
                "ada": Held(ASKED, "pending", None, "Ada King", TAGGED, SINCE),
                "bob": Held(IMPORTED, *LEFT, "Bob", requested_at=SINCE),
                "cay": Held(IMPORTED, "pending", requested_at=SINCE),
            },
        ),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_tools_export_comes_in_with_what_it_tells(
    engine: Engine, file: str, expected: dict[str, Held], line_end: str
):
    before = datetime.now(UTC)
    data = (FILES / file).read_text(encoding="utf-8")
    report, told = take(engine, data.replace("\n", line_end).encode())
    assert report.problems == []
    found = held(engine, told)
    assert {
        key: replace(
            each,
            requested_at=told_of(each.requested_at, before),
            ended_at=told_of(each.ended_at, before),
        )
        for key, each in found.items()
    } == expected


@pytest.mark.parametrize("file", sorted(FILES.glob("*.csv")), ids=lambda file: file.stem)
def test_each_file_is_of_one_tool_and_of_no_other(file: Path):
    header = file.read_text(encoding="utf-8").splitlines()[0]
    delimiter = max(",;\t", key=header.count)
    titles = frozenset(
        title_key(title) for title in next(csv.reader([header], delimiter=delimiter))
    )
    found = [tool.name for tool in TOOLS if tool.has_written(titles)]
    assert len(found) == 1
    assert file.stem.startswith(found[0])


def test_each_tool_has_a_file():
    assert {tool.name for tool in TOOLS} == {
        max((tool.name for tool in TOOLS if file.stem.startswith(tool.name)), key=len)
        for file in FILES.glob("*.csv")
    }


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_word_that_no_tool_has_is_refused_or_means_leaving(tool: Tool):
    """Nobody is confirmed or emailed for a word that was added to a tool later."""
    for title, target in tool.columns.items():
        if target == "status":
            words = tool.words_of(title)
            if ANY_WORD not in words:
                assert explained("brand new", words, is_of_tool=True) is None
                assert explained("self-unsubscribed", words, is_of_tool=True) in ENDED
    assert tool.left_out.isdisjoint(tool.columns)


def told_of(time: datetime | None, start: datetime) -> datetime | None:
    """Return the time, or None where it is only that of the import."""
    return time if time and time < start else None


@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
def test_those_who_left_are_told_of_by_a_file_of_their_own(engine: Engine, *, is_first: bool):
    """The whole list of listmonk calls those `enabled` who left it, and so does theirs."""
    whole = (FILES / "listmonk.csv").read_bytes()
    header, ada, *_ = whole.decode().splitlines(keepends=True)
    left = (header + ada).encode()
    if is_first:
        take(engine, left, left=True)
    report, told = take(engine, whole)
    assert [row.outcome for row in told].count(Outcome.SKIPPED) == is_first
    assert report.asked == (2 if is_first else 3)
    if not is_first:
        assert take(engine, left, left=True)[0].imported == 1
    assert held(engine, told)["ada"].status == "unsubscribed"


@pytest.mark.parametrize(
    "metadata",
    ["{'a': open('x')}", "{'a': {1, 2}}", "{'a': b'x'}", "{'a': 1e999}", "[1]", "{'a': " * 5_000],
)
def test_metadata_that_is_no_plain_object_spoils_its_own_row_and_none_of_somebody_who_left(
    engine: Engine, metadata: str
):
    lines = (FILES / "buttondown.csv").read_text(encoding="utf-8").splitlines()
    lines[7] = lines[7].replace("{}", f'"{metadata}"')
    lines[3] = lines[3].replace("{}", f'"{metadata}"')
    report, _ = take(engine, "\n".join(lines).encode())
    assert [(problem.line, problem.column) for problem in report.problems] == [(4, "attributes")]
    assert [(note.line, note.column) for note in report.notes] == [(8, "attributes")]
    assert report.imported == 6


def cells(**changed: str) -> dict[str, str]:
    """Return a row of Mailchimp's in which someone asked and then clicked."""
    given = {
        "optin_time": "2024-01-01 10:00:00",
        "confirm_time": "2024-01-01 10:05:00",
        "confirm_ip": "192.0.2.1",
        "last_changed": "2024-01-01 10:05:00",
        "leid": "10000001",
        "euid": "a000000001",
    }
    return {"email address": "ada@example.org", **given, **changed}


@pytest.mark.parametrize(
    ("changed", "is_evidence"),
    [
        ({}, True),
        ({"confirm_ip": ""}, False),
        ({"confirm_time": ""}, False),
        ({"optin_time": ""}, False),
        ({"confirm_time": "2024-01-01 10:00:00"}, False),
        ({"confirm_time": "2023-12-31 10:00:00"}, False),
        ({"confirm_time": "soon"}, False),
    ],
)
def test_mailchimp_tells_of_a_click_only_with_an_address_and_after_the_asking(
    changed: dict[str, str], *, is_evidence: bool
):
    row = translated(cells(**changed))
    assert ("source" in row, "confirmed_at" in row) == (is_evidence, is_evidence)


@pytest.mark.parametrize("title", ["Adresse e-mail", "Correo electrónico", "E-post till dig"])
def test_mailchimps_address_is_found_in_other_languages(title: str):
    row = cells()
    address = row.pop("email address")
    found = translated({"email_type": "html", title: address, **row})
    assert found["email"] == address


def test_a_file_without_a_column_of_addresses_is_refused():
    row = cells()
    row["adres"] = row.pop("email address")
    with pytest.raises(InvalidInputError, match="map=Contact:email"):
        translated(row)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("Prénom", "Nom"),
        ("Nombre", "Apellidos"),
        ("Vorname", "Nachname"),
        ("Nome", "Cognome"),
        ("Nome", "Sobrenome"),
        ("Voornaam", "Achternaam"),
        ("FNAME", "LNAME"),
    ],
)
def test_mailchimps_names_are_kept_in_other_languages(first: str, last: str):
    assert translated({last: "King", first: "Ada", **cells()})["name"] == "Ada King"


def translated(row: dict[str, str]) -> dict[str, str | None]:
    tool = tool_of([title_key(title) for title in row])
    assert tool is MAILCHIMP
    return Translator(plan_of(list(row), NOTHING_CHOSEN, tool=tool)).row(list(row.values()))
