"""Files of other tools, in other encodings and with other delimiters; and those who are asked."""

import codecs
import csv
import encodings.aliases
import io
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Engine, func, insert, select

from service.domain.errors import InvalidInputError, UnknownListError
from service.domain.files.exchange import FileFormat
from service.store.tables.delivery import OutboxMessage
from service.store.tables.people import Subscriber, Subscription
from service.store.types import new_id
from service.usecases.files import import_subscribers as module
from service.usecases.files.import_report import (
    REPORT_HEADER,
    ImportReport,
    Outcome,
    RowResult,
    report_line,
)
from service.usecases.files.import_subscribers import Import, ImportOptions
from service.usecases.files.import_text import Lines
from service.usecases.lists.lists import Lists

HASH_KEY = b"an-address-hash-key-for-tests-only-01"
LISTMONK = """\
uuid,email,name,attributes,status,created_at,updated_at
1,ada@example.org,Ada,"{""city"": ""Köln""}",enabled,2024-01-02 15:04:05.123456789 +0000 UTC,x
2,bob@example.org,Bob,{},blocklisted,2024-01-02 15:04:05 +0000 UTC,x
3,eve@example.org,Eve,{},odd,2024-01-02 15:04:05 +0000 UTC,x
"""
MAILCHIMP = """\
"Email Address","First Name","Last Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,X
ada@example.org,Ada,"King, L.",2,"2024-01-01 10:00:00",192.0.2.1,"2024-01-01 10:05:00",192.0.2.1,
bob@example.org,Bob,,2,,,"2024-01-01 10:05:00",,
"""
CLEANED = """\
"Email Address",CONFIRM_TIME,CLEAN_TIME
bob@example.org,"2024-01-01 10:05:00","2024-02-01 10:05:00"
"""
BUTTONDOWN = """\
email,notes,metadata,tags,referrer_url,creation_date,subscriber_type
ada@example.org,,"{""n"": 1}",,https://example.org/,2024-01-02T15:04:05.123456Z,regular
bob@example.org,,,,,2024-01-02 15:04:05+00:00,undeliverable
eve@example.org,,,,,2024-01-02,odd
"""
KEILA = """\
Email,First name,Last name,Data,Status
ada@example.org,Ada,King,"{""n"": 1}",active
bob@example.org,Bob,,,unreachable
"""


def take(engine: Engine, data: "str | bytes", **options: object) -> ImportReport:
    raw = data.encode() if isinstance(data, str) else data
    run = Import(engine, lists=Lists(engine), address_hash_key=HASH_KEY)
    return run(
        io.BytesIO(raw),
        format=FileFormat.CSV,
        actor="test",
        options=ImportOptions(**options),  # type: ignore[arg-type]
    )


def held(engine: Engine) -> dict[str, tuple[str, str | None]]:
    query = select(Subscriber.email, Subscription.status, Subscription.ended_reason).join(
        Subscription, Subscription.subscriber_id == Subscriber.id
    )
    with engine.connect() as connection:
        return {row.email[:3]: (row.status, row.ended_reason) for row in connection.execute(query)}


def names(engine: Engine) -> list[str | None]:
    with engine.connect() as connection:
        return list(connection.scalars(select(Subscriber.name).order_by(Subscriber.email_key)))


def mails(engine: Engine) -> list[OutboxMessage]:
    table = OutboxMessage.__table__
    with engine.connect() as connection:
        return list(connection.execute(select(table).order_by(table.c.next_attempt_at)).all())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "expected", "bad", "asked"),
    [
        (LISTMONK, {"ada": ("pending", None), "bob": ("unsubscribed", "imported")}, 1, 1),
        (MAILCHIMP, {"ada": ("confirmed", None), "bob": ("pending", None)}, 0, 1),
        (CLEANED, {"bob": ("unsubscribed", "hard_bounce")}, 0, 0),
        (
            BUTTONDOWN,
            {"ada": ("pending", None), "bob": ("unsubscribed", "hard_bounce")},
            1,
            1,
        ),
        (KEILA, {"ada": ("pending", None), "bob": ("unsubscribed", "hard_bounce")}, 0, 1),
    ],
    ids=["listmonk", "mailchimp", "mailchimp cleaned", "buttondown", "keila"],
)
def test_a_tools_file_is_told_by_its_header(
    engine: Engine, data: str, expected: dict[str, tuple[str, str | None]], bad: int, asked: int
):
    report = take(engine, data)
    assert held(engine) == expected
    assert (report.bad, report.asked) == (bad, asked)
    if bad:
        assert report.problems[0].line == 4
    again = take(engine, data)
    assert (again.imported, again.asked) == (0, 0)
    assert len(mails(engine)) == asked


def test_names_attributes_and_evidence_come_along(engine: Engine):
    take(engine, MAILCHIMP)
    assert names(engine) == ["Ada King, L.", "Bob"]
    with engine.connect() as connection:
        source, at, requested_at = connection.execute(
            select(Subscription.source, Subscription.confirmed_at, Subscription.requested_at)
            .join(Subscriber)
            .where(Subscriber.email == "ada@example.org")
        ).one()
    assert source == "confirmed with mailchimp"
    assert at == datetime(2024, 1, 1, 10, 5, tzinfo=UTC)
    assert requested_at == datetime(2024, 1, 1, 10, 0, tzinfo=UTC)


PLAIN = "email,name,status\nada@example.org,Zoë €,pending\nbob@example.org,Bob,pending\n"


@pytest.mark.parametrize(
    "encoded",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("cp1252"),
        PLAIN.replace(",", ";").encode("cp1252"),
        PLAIN.replace(",", "\t").replace("\n", "\r\n").encode("utf-16"),
        f"sep=;\n{PLAIN.replace(',', ';')}".encode(),
    ],
    ids=["utf-8", "mark", "utf-16", "big", "no mark", "1252", "1252 ;", "tabs", "sep"],
)
def test_encoding_and_delimiter_are_told_by_the_file(engine: Engine, encoded: bytes):
    report = take(engine, encoded)
    assert (report.imported, report.problems) == (2, [])
    assert names(engine) == ["Zoë €", "Bob"]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("is_named", [True, False])
def test_wide_characters_need_neither_a_mark_nor_a_name(
    engine: Engine, codec: str, mark: str, is_named: bool
):
    name = codec[: len("utf-16")] if is_named else None
    take(engine, (mark + PLAIN).encode(codec), encoding=name)
    assert names(engine) == ["Zoë €", "Bob"]


def test_an_encoding_that_is_named_holds(engine: Engine):
    take(engine, PLAIN.replace("€", "ő").encode("cp1250"), encoding="windows-1250")
    assert names(engine)[0] == "Zoë ő"
    for name in ("no-such", "base64", "\0", "idna", "punycode", "undefined", "unicode_escape"):
        with pytest.raises(InvalidInputError) as caught:
            take(engine, PLAIN, encoding=name)
        assert caught.value.field == "encoding"


@pytest.mark.parametrize("codec", sorted(set(encodings.aliases.aliases.values())))
def test_no_codec_of_python_ends_in_more_than_a_refusal(codec: str):
    for data in (b"", b"email\n\xff\xfe\x00\n", bytes(range(256)) * 9, b"\x1b$B\x7f+AAA-\n"):
        with suppress(InvalidInputError):
            assert {type(line) for line in Lines(io.BytesIO(data), codec)} <= {str}


@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_hostile_rows_are_told_by_line_and_the_good_ones_kept(engine: Engine, codec: str):
    hostile = [
        "email,name,status",
        'a@example.org,"quote "" and; semi\ncolon",pending',
        "b@example.org,nul\0,pending",
        f"c@example.org,{'x' * 10_000_000},pending",
        "d@example.org,=1+1,pending",
        'e@example.org,"open"x,pending',
        "f@example.org,too,many,pending",
        "g@example.org",
        "h@example.org,Ünï,pending",
    ]
    report = take(
        engine, "\n".join(hostile).encode(codec) + (b"\n\x00\xd8" if "16" in codec else b"")
    )
    assert [problem.line for problem in report.problems] == [4, 5, 7, 8] + [11] * ("16" in codec)
    assert sorted(held(engine)) == ["a@e", "d@e", "g@e", "h@e"]
    assert "=1+1" in names(engine)


def test_stray_bytes_in_utf_8_spoil_their_own_row_only(engine: Engine):
    data = PLAIN.encode() + "cay@example.org,Zoë,pending\n".encode("latin-1")
    report = take(engine, data)
    assert [(problem.line, problem.column) for problem in report.problems] == [(4, "name")]
    assert report.imported == 2


def test_a_file_without_lists_goes_to_the_one_that_is_named(engine: Engine):
    Lists(engine).create(slug="other", name="Other", actor="test")
    take(engine, PLAIN, list="other")
    with engine.connect() as connection:
        ids = set(connection.scalars(select(Subscription.mailing_list_id)))
    assert ids == {Lists(engine).get("other").id}
    with pytest.raises(UnknownListError):
        take(engine, PLAIN, list="nowhere")


def test_those_without_evidence_are_asked_one_after_the_other(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "CHUNK_ROWS", 3)
    data = "email,status\n" + "".join(f"p{n}@example.org,confirmed\n" for n in range(10))
    report = take(engine, data, mails_an_hour=60)
    assert (report.imported, report.asked) == (10, 10)
    assert {status for status, _ in held(engine).values()} == {"pending"}
    found = mails(engine)
    times = [mail.next_attempt_at for mail in found]
    assert [b - a for a, b in pairwise(times)] == [timedelta(minutes=1)] * 9
    assert {(mail.kind, mail.status) for mail in found} == {("confirm", "queued")}
    assert all(mail.created_at == mail.next_attempt_at for mail in found)
    assert take(engine, data).asked == 0
    assert len(mails(engine)) == 10
    with pytest.raises(InvalidInputError):
        take(engine, data, mails_an_hour=0)


def test_two_lists_of_one_person_are_asked_for_in_one_mail(engine: Engine):
    Lists(engine).create(slug="other", name="Other", actor="test")
    report = take(
        engine, "email,list,status\na@x.org,news-flash,confirmed\na@x.org,other,confirmed\n"
    )
    assert report.asked == 2
    (mail,) = mails(engine)
    assert len(mail.refs) == 2
    assert mail.refs == sorted(mail.refs)


def test_nobody_is_asked_beyond_their_mails_of_the_day(engine: Engine):
    take(engine, "email,status\na@example.org,pending\n")
    Lists(engine).create(slug="other", name="Other", actor="test")
    now = datetime.now(UTC)
    with engine.begin() as connection:
        (person,) = connection.scalars(select(Subscriber.id))
        for _ in range(3):
            connection.execute(
                insert(OutboxMessage).values(
                    id=new_id(),
                    subscriber_id=person,
                    kind="confirm",
                    refs=[],
                    status="accepted",
                    created_at=now,
                    next_attempt_at=now,
                )
            )
    take(engine, "email,list,status\na@example.org,other,confirmed\n")
    with engine.connect() as connection:
        counts = connection.execute(
            select(OutboxMessage.status, func.count()).group_by(OutboxMessage.status)
        ).all()
    assert {(status, count) for status, count in counts} == {("accepted", 3), ("withheld", 1)}


def test_every_row_is_told_of(engine: Engine):
    told: list[RowResult] = []
    Import(engine, lists=Lists(engine), address_hash_key=HASH_KEY)(
        io.BytesIO(
            b"email,status,consent_at,consent_source,erased_at\n"
            b"a@example.org,confirmed,2025-01-01T00:00:00Z,shop,\n"
            b"b@example.org,confirmed,,,\n"
            b"b@example.org,pending,,,\n"
            b"nobody,pending,,,\n"
            b",,,,2025-01-01T00:00:00Z\n"
        ),
        format=FileFormat.CSV,
        actor="test",
        listener=told.append,
    )
    assert {each.line: each.outcome for each in told} == {
        2: Outcome.IMPORTED,
        3: Outcome.ASKED,
        4: Outcome.UNCHANGED,
        5: Outcome.BAD,
        6: Outcome.SKIPPED,
    }
    lines = REPORT_HEADER + "".join(map(report_line, told))
    found = {row["line"]: row for row in csv.DictReader(io.StringIO(lines, newline=""))}
    assert found["5"]["column"] == "email"
    assert "nobody" not in json.dumps(found)
