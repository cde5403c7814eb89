"""What an import takes in, what it refuses, and what it never touches."""

import io
from datetime import UTC, datetime
from zipfile import ZipFile

import pytest
from sqlalchemy import Engine, delete, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from service.domain.address import address_hash
from service.domain.errors import InvalidInputError
from service.domain.files.exchange import EXPORT_COLUMNS, TEXT_FORMATS, FileFormat
from service.store.tables.access import AuditEntry
from service.store.tables.delivery import OutboxMessage
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscriber, Subscription, Suppression
from service.store.types import new_id
from service.tokens import UnsubscribeTokens
from service.usecases.files import import_subscribers as module
from service.usecases.files.export import Export, ExportRequest
from service.usecases.files.import_report import ImportReport
from service.usecases.files.import_subscribers import Import, ImportOptions
from service.usecases.files.import_text import MAX_LINE_BYTES
from service.usecases.lists.lists import Lists

HASH_KEY = b"an-address-hash-key-for-tests-only-01"
EVIDENCE = "2025-01-02T03:04:05Z,https://example.org/signup"
HEADER = "email,list,status,confirmed_at,source\n"


def import_text(engine: Engine, data: str | bytes, form: str = "csv") -> ImportReport:
    raw = data.encode() if isinstance(data, str) else data
    run = Import(engine, lists=Lists(engine), address_hash_key=HASH_KEY)
    return run(io.BytesIO(raw), format=FileFormat(form), actor="test")


def rows(engine: Engine) -> dict[str, str]:
    query = select(Subscriber.email, Subscription.status).join(
        Subscription, Subscription.subscriber_id == Subscriber.id
    )
    with engine.connect() as connection:
        return {row.email: row.status for row in connection.execute(query)}


def counted(engine: Engine, table: type) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def problems(report: ImportReport) -> list[tuple[int, str | None]]:
    return [(problem.line, problem.column) for problem in report.problems]


def test_a_confirmed_row_with_its_evidence_is_kept_with_a_consent_event(engine: Engine):
    report = import_text(
        engine,
        "email,name,list,status,locale,consent_at,consent_source,attributes\n"
        'Ada@Example.org,"Ada, L.",news-flash,confirmed,en,2025-01-02T05:04:05+02:00,shop,'
        '"{""a"": [1]}"\n',
    )
    assert (report.rows, report.imported, report.problems) == (1, 1, [])
    with engine.connect() as connection:
        person = connection.execute(select(Subscriber.__table__)).one()
        held = connection.execute(select(Subscription.__table__)).one()
        event = connection.execute(select(ConsentEvent.__table__)).one()
    assert (person.email, person.email_key) == ("Ada@Example.org", "ada@example.org")
    assert (person.name, person.attributes) == ("Ada, L.", {"a": [1]})
    assert (held.status, held.epoch, held.source) == ("confirmed", 1, "shop")
    assert held.confirmed_at == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (event.kind, event.subscriber_id, event.source) == ("imported", person.id, "shop")
    assert "2025-01-02T03:04:05" in event.detail


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ("a@example.org,news-flash,confirmed,3/1/2025 9:00,shop", "confirmed_at"),
        ("a@example.org,news-flash,confirmed,2999-01-02T03:04:05Z,shop", "confirmed_at"),
        ("a@example.org,news-flash,confirmed,yesterday,shop", "confirmed_at"),
        ("a@example.org,nowhere,pending,,", "list"),
        ("a@example.org,news-flash,active,,", "status"),
        ("nobody,news-flash,pending,,", "email"),
        ("a@example.org,news-flash,pending,,nul\0", "source"),
        ("a@example.org,news-flash,confirmed,2025-01-02T03:04:05Z,shop,more", None),
        ('"a"b@example.org,news-flash,pending,,', None),
    ],
)
def test_a_bad_row_is_told_by_line_and_good_rows_are_kept(
    engine: Engine, cells: str, column: str | None
):
    good = f"good@example.org,news-flash,confirmed,{EVIDENCE}\n"
    report = import_text(engine, f"{HEADER}{cells}\n{good}")
    assert problems(report) == [(2, column)]
    assert (report.rows, report.imported, report.bad) == (2, 1, 1)
    assert rows(engine) == {"good@example.org": "confirmed"}


def test_lines_that_are_no_text_are_bad_rows(engine: Engine):
    good = f"good@example.org,news-flash,confirmed,{EVIDENCE}\n".encode()
    long = b"a@example.org,news-flash,pending,," + b"x" * (10 * 1024 * 1024) + b"\n"
    latin = "zoë@example.org,news-flash,pending,,\n".encode("latin-1")
    report = import_text(engine, b"\xef\xbb\xbf" + HEADER.encode() + long + latin + good)
    assert [line for line, _ in problems(report)] == [2, 3]
    assert str(MAX_LINE_BYTES) in report.problems[0].message
    assert rows(engine) == {"good@example.org": "confirmed"}


def test_a_row_over_several_lines_is_told_by_its_first(engine: Engine):
    report = import_text(
        engine, 'email,name,status\na@example.org,"two\nlines",pending\nb@example.org,,active\n'
    )
    assert problems(report) == [(4, "status")]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"name\nAda\n",
        b"email,shoe_size\na,b\n",
        b"ada@example.org,Ada\n",
        b"x" * 10_000_000,
    ],
    ids=["empty", "no email", "unknown", "no header", "long"],
)
def test_a_file_that_is_none_of_ours_is_refused_whole(engine: Engine, data: bytes):
    with pytest.raises(InvalidInputError) as caught:
        import_text(engine, data)
    assert caught.value.field == "file"
    assert "ada@" not in str(caught.value)


@pytest.mark.parametrize("form", TEXT_FORMATS)
def test_a_workbook_is_told_from_text(engine: Engine, form: FileFormat):
    workbook = io.BytesIO()
    with ZipFile(workbook, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(InvalidInputError, match="Save it as CSV") as caught:
        import_text(engine, workbook.getvalue(), form)
    assert caught.value.field == "file"


def test_any_text_of_one_line_comes_in_as_it_is(engine: Engine):
    names = [
        "\\.",
        'say ""so"", please',
        "\\N",
        "here, NULL",
        "'x 😀 o\u2019Neil",
        "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc",
    ]
    lines = "".join(
        f'p{number}@example.org,"{name}","{{""k"": ""é\\\\\\n,""}}"\n'
        for number, name in enumerate(names)
    )
    report = import_text(engine, f"email,name,attributes\n{lines}")
    assert (report.imported, report.noted) == (len(names), 0)
    query = select(Subscriber.name, Subscriber.attributes).order_by(Subscriber.email)
    with engine.connect() as connection:
        found = connection.execute(query).all()
        told = connection.execute(select(ConsentEvent.name)).scalars().all()
    assert [name for name, _ in found] == [name.replace('""', '"') for name in names]
    assert {attributes["k"] for _, attributes in found} == {"é\\\n,"}
    assert set(told) == {name for name, _ in found}


def test_one_person_may_be_on_several_lists_and_is_asked_once(engine: Engine):
    Lists(engine).create(slug="weekly", name="Weekly", actor="test")
    report = import_text(
        engine,
        "email,list,status,locale\na@example.org,weekly,confirmed,de\n"
        "A@example.org,news-flash,confirmed,de\nb@example.org,weekly,pending,\n",
    )
    assert (report.imported, report.asked) == (3, 2)
    assert (counted(engine, Subscriber), counted(engine, ConsentEvent)) == (2, 3)
    with engine.connect() as connection:
        mail = connection.execute(select(OutboxMessage.__table__)).one()
    assert (len(mail.refs), mail.locale, mail.refs) == (2, "de", sorted(mail.refs))


def test_a_chunk_that_fails_ends_the_import_and_those_before_it_stay(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "CHUNK_ROWS", 10)
    good = "".join(f"p{number}@example.org,,pending,,\n" for number in range(20))
    import_text(engine, HEADER + good)
    refuse = "name = 'unwelcome'"
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(
                text(f"ALTER TABLE subscribers ADD CONSTRAINT polite CHECK (NOT {refuse})")
            )
        else:
            connection.execute(
                text(
                    "CREATE TRIGGER polite BEFORE INSERT ON subscribers WHEN NEW.name = 'unwelcome'"
                    " BEGIN SELECT RAISE(ABORT, 'no'); END"
                )
            )
    lines = "".join(
        f"q{number}@example.org,{'unwelcome' if number == 15 else ''}\n" for number in range(100)
    )
    with pytest.raises(DBAPIError):
        import_text(engine, f"email,name\n{lines}")
    assert counted(engine, Subscriber) == counted(engine, ConsentEvent) == 30
    with engine.connect() as connection:
        told = connection.scalars(select(AuditEntry.detail).order_by(AuditEntry.id)).all()
    assert [(each.get("broke_off"), each["imported"], each["rows"]) for each in told] == [
        (None, 20, 20),
        (True, 10, 10),
    ]


def test_an_import_that_breaks_off_tells_the_audit_what_stays(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    """Also of the chunk that was under way."""
    monkeypatch.setattr(module, "CHUNK_ROWS", 10)

    class Cut(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 600:
                raise OSError("the client went away")
            return super().read(min(size or 0, 100))

    data = "email\n" + "".join(f"p{number:03}@example.org\n" for number in range(100))
    run = Import(engine, lists=Lists(engine), address_hash_key=HASH_KEY)
    for options in (ImportOptions(dry_run=True), ImportOptions()):
        with pytest.raises(OSError, match="went away"):
            run(Cut(data.encode()), format=FileFormat.CSV, actor="test", options=options)
    with engine.connect() as connection:
        (told,) = connection.scalars(select(AuditEntry.detail)).all()
    assert told["broke_off"] is True
    assert told["imported"] == counted(engine, Subscriber) > 0


def test_an_import_that_took_nothing_leaves_no_entry(engine: Engine):
    with pytest.raises(InvalidInputError):
        import_text(engine, "shoe_size\n")
    assert counted(engine, AuditEntry) == 0


def test_nobody_who_left_or_is_suppressed_comes_back(engine: Engine):
    left = f"left@example.org,news-flash,unsubscribed,{EVIDENCE}\n"
    assert import_text(engine, HEADER + left).imported == 1
    with engine.begin() as connection:
        for reason in ("hard_bounce", "erased"):
            connection.execute(
                insert(Suppression).values(
                    address_hash=address_hash(f"{reason}@example.org", HASH_KEY),
                    reason=reason,
                    created_at=datetime(2026, 1, 1, tzinfo=UTC),
                )
            )
    report = import_text(
        engine,
        HEADER
        + f"left@example.org,news-flash,confirmed,{EVIDENCE}\n"
        + f"hard_bounce@example.org,news-flash,confirmed,{EVIDENCE}\n"
        + "Erased@example.org,news-flash,pending,,\n",
    )
    assert (report.imported, report.skipped) == (0, 3)
    assert [line for line, _ in problems(report)] == [2, 3, 4]
    assert rows(engine) == {"left@example.org": "unsubscribed"}


def test_a_file_confirms_what_is_pending_but_not_in_a_later_cycle(engine: Engine):
    pending = HEADER + "a@example.org,news-flash,pending,,\nb@example.org,news-flash,pending,,\n"
    import_text(engine, pending)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE subscriptions SET epoch = 2 WHERE subscriber_id ="
                " (SELECT id FROM subscribers WHERE email = 'b@example.org')"
            )
        )
    confirmed = HEADER + "".join(
        f"{name}@example.org,news-flash,confirmed,{EVIDENCE}\n" for name in "ab"
    )
    report = import_text(engine, confirmed)
    assert (report.imported, report.skipped) == (1, 1)
    assert rows(engine) == {"a@example.org": "confirmed", "b@example.org": "pending"}
    assert import_text(engine, pending).unchanged == 2
    assert rows(engine)["a@example.org"] == "confirmed"
    assert counted(engine, OutboxMessage) == 0


def test_the_same_file_again_changes_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "CHUNK_ROWS", 7)
    data = HEADER + "".join(
        f"p{number % 45}@example.org,news-flash,confirmed,{EVIDENCE}\n" for number in range(50)
    )
    first = import_text(engine, data)
    assert (first.rows, first.imported, first.unchanged) == (50, 45, 5)
    before = {table: counted(engine, table) for table in (Subscriber, Subscription, ConsentEvent)}
    second = import_text(engine, data)
    assert (second.rows, second.imported, second.unchanged) == (50, 0, 50)
    assert before == {table: counted(engine, table) for table in before}
    assert counted(engine, AuditEntry) == 2


def test_the_stronger_of_two_rows_in_a_file_counts(engine: Engine):
    report = import_text(
        engine,
        HEADER
        + "a@example.org,news-flash,pending,,\n"
        + f"A@example.org,,confirmed,{EVIDENCE}\n"
        + "a@example.org,news-flash,pending,,\n",
    )
    assert (report.rows, report.imported, report.unchanged) == (3, 1, 2)
    assert list(rows(engine).values()) == ["confirmed"]


@pytest.mark.parametrize("chunk_rows", [1, 100], ids=["apart", "together"])
@pytest.mark.parametrize("status", ["pending", "confirmed"])
@pytest.mark.parametrize("is_last", [True, False], ids=["last", "first"])
def test_whoever_left_in_one_row_of_a_file_has_left(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, status: str, *, chunk_rows: int, is_last: bool
):
    monkeypatch.setattr(module, "CHUNK_ROWS", chunk_rows)
    there = f"a@example.org,news-flash,{status},{EVIDENCE}\n"
    gone = "a@example.org,news-flash,unsubscribed,,\n"
    import_text(engine, HEADER + (there + gone if is_last else gone + there))
    assert rows(engine) == {"a@example.org": "unsubscribed"}
    assert import_text(engine, HEADER + gone + there).imported == 0


def test_a_file_of_those_who_left_ends_what_is_older_and_nothing_newer(engine: Engine):
    names = ("older", "newer")
    evidence = "2026-02-01T12:00:00Z,https://example.org/form"
    import_text(
        engine,
        HEADER + "".join(f"{name}@example.org,news-flash,confirmed,{evidence}\n" for name in names),
    )
    report = import_text(
        engine,
        "email,list,status,ended_at,ended_reason\n"
        "older@example.org,news-flash,unsubscribed,2026-02-02T12:00:00Z,complaint\n"
        "newer@example.org,news-flash,unsubscribed,2026-01-31T12:00:00Z,\n",
    )
    assert (report.imported, report.skipped) == (1, 1)
    assert [line for line, _ in problems(report)] == [3]
    assert rows(engine) == {
        "older@example.org": "unsubscribed",
        "newer@example.org": "confirmed",
    }
    with engine.connect() as connection:
        ended = connection.execute(
            select(Subscription).where(Subscription.status == "unsubscribed")
        ).one()
        events = connection.execute(
            select(ConsentEvent.kind, ConsentEvent.detail)
            .where(ConsentEvent.subscriber_id == ended.subscriber_id)
            .order_by(ConsentEvent.at, ConsentEvent.id)
        ).all()
    assert ended.ended_reason == "complaint"
    assert ended.ended_at == datetime(2026, 2, 2, 12, tzinfo=UTC)
    assert ended.confirmed_at == datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert ended.source == "https://example.org/form"
    assert [kind for kind, _ in events] == ["imported", "unsubscribed"]
    assert events[-1].detail == "complaint"


def test_leaving_at_no_known_time_does_not_end_what_a_person_asked_for_here(engine: Engine):
    import_text(engine, HEADER + f"a@example.org,news-flash,confirmed,{EVIDENCE}\n")
    with engine.begin() as connection:
        row = connection.execute(select(Subscription)).one()
        connection.execute(
            insert(ConsentEvent).values(
                id=new_id(),
                subscriber_id=row.subscriber_id,
                mailing_list_id=row.mailing_list_id,
                epoch=1,
                kind="requested",
                at=row.requested_at,
            )
        )
    untimed = import_text(engine, HEADER + "a@example.org,news-flash,unsubscribed,,\n")
    assert (untimed.imported, untimed.skipped) == (0, 1)
    timed = "email,list,status,ended_at\na@example.org,news-flash,unsubscribed,2026-02-02T12:00Z\n"
    assert import_text(engine, timed).imported == 1
    assert rows(engine) == {"a@example.org": "unsubscribed"}


def test_ndjson_is_read_too(engine: Engine):
    report = import_text(
        engine,
        '{"email": "a@example.org", "status": "pending", "attributes": {"x": 1}, "name": null}\n'
        "\n"
        '{"email": "b@example.org", "status": 3}\n'
        '{"email": "b@example.org", "other": "x"}\n'
        "[1]\n"
        "no json\n" + '{"email": "' + "x" * 100_000 + '"}\n'
        '{"email": "c@example.org"}',
        form="ndjson",
    )
    assert problems(report) == [(3, "status"), (4, None), (5, None), (6, None), (7, None)]
    assert rows(engine) == {"a@example.org": "pending", "c@example.org": "pending"}


@pytest.mark.parametrize("form", TEXT_FORMATS)
def test_an_export_can_be_imported_into_an_empty_database(engine: Engine, form: FileFormat):
    lists = Lists(engine)
    import_text(
        engine,
        "email,name,status,confirmed_at,source,attributes\n"
        f'+a@example.org,=1+1,confirmed,{EVIDENCE},"{{""k"": ""v""}}"\n'
        f"b@example.org,'=quoted,unsubscribed,{EVIDENCE},\n"
        "c@example.org,,pending,,,\n",
    )
    export = Export(
        engine, lists=lists, tokens=UnsubscribeTokens(["k" * 32]), public_url="https://x.example"
    )
    request = ExportRequest(format=form, columns=(*EXPORT_COLUMNS, "attributes"))
    before = b"".join(export(request, actor="test"))
    with engine.begin() as connection:
        for table in (Subscription, Subscriber, ConsentEvent):
            connection.execute(delete(table))
    report = import_text(engine, before, form=form)
    assert (report.rows, report.imported) == (3, 3)
    assert sorted(b"".join(export(request, actor="test")).split(b"\n")) == sorted(
        before.split(b"\n")
    )
