"""What the columns of a file are taken for, and which files are refused: no database is needed."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from service.domain.errors import InvalidInputError
from service.domain.files.columns import ColumnChoices, ColumnsError, UnknownColumns
from service.domain.files.exchange import FileFormat
from service.domain.files.import_row import parse_import_row
from service.domain.files.mapping import parse_mapping
from service.domain.files.words import MAX_CHARS, beginning
from service.usecases.files.import_reading import FileRow, Found, ImportFile


def rows(
    data: str,
    *maps: str,
    meanings: tuple[str, ...] = (),
    unknown: str | None = None,
    form: FileFormat = FileFormat.CSV,
) -> list[Found]:
    choices = ColumnChoices(
        unknown=UnknownColumns(unknown) if unknown else None,
        columns=parse_mapping(maps, meanings),
    )
    return list(ImportFile(io.BytesIO(data.encode()), form, choices=choices).rows())


@pytest.mark.parametrize(
    "title",
    [
        "Email status",
        "Global status",
        "Unsubscribed",
        "Opt out date",
        "Opted-Out",
        "opt_in",
        "Accepts Email Marketing",
        "Bounced?",
        "Subscribed",
        "Consent",
        "Blocked",
        "Complaints",
        "suppressed",
        "Deleted at",
        "is_active",
        "Do Not Mail",
        "Don't email",
        "State",
        "GDPR",
        "Newsletter",
        "Abgemeldet am",
        "Einwilligung",
        "Werbung erlaubt",
        "Gelöscht",
        "Kündigungsdatum",
        "Désinscrit",
        "État",
        "Consentement RGPD",
        "Abonné",
        "Estado",
        "Baja",
        "Suscrito",
        "Acepta publicidad",
        "Stato",
        "Disiscritto il",
        "Consenso marketing",
        "Uitgeschreven",
        "Descadastrado",
        "Zgoda",
        "Odhlášen",
        "Samtycke",
        "Статус",
        "退订",
        "HasOptedOutOfEmail",
        "DoNotEmail",
        "donotmail",
        "NoEmail",
        "IsActive",
        "Mail OK",
        "Lifecycle stage",
        "Lawful basis",
        "Ended on",
        "On hold",
        "Liste noire",
        "Situação",
        "Peruttu",
        "Leiratkozott",
        "Dezabonat",
        "구독",
        "الحالة",
        "Κατάσταση",
    ],
)
@pytest.mark.parametrize("unknown", [None, "ignore", "attributes", "refuse"])
def test_a_column_that_may_tell_who_left_refuses_the_file(title: str, unknown: str | None):
    data = f"Email,First name,Last name,{title}\nada@example.org,Ada,King,Unsubscribed\n"
    with pytest.raises(ColumnsError) as caught:
        rows(data, unknown=unknown)
    message = str(caught.value)
    assert title in message
    assert f"map={title}:ignore" in message
    assert "Unsubscribed" in message
    assert "Ada" not in message.replace(title, "")


@pytest.mark.parametrize(
    ("maps", "meanings", "field"),
    [
        (("Contact",), (), "map"),
        (("Contact:e-mail",), (), "map"),
        (("Nowhere:email",), (), "map"),
        (("{",), (), "map"),
        (('{"Contact": 1}',), (), "map"),
        (('{"Contact": {"column": "status", "words": {"a": "b"}}}',), (), "map"),
        (("Contact:email",), ("Contact:a:confirmed",), "meaning"),
        (("Contact:email",), ("Standing:In:subscribed",), "meaning"),
        (("Contact:email",), ("Standing",), "meaning"),
        (("Contact:email", "Standing:email"), (), "file"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(
    maps: tuple[str, ...], meanings: tuple[str, ...], field: str
):
    with pytest.raises(InvalidInputError) as caught:
        rows("Contact,Standing\nada@example.org,In\n", *maps, meanings=meanings)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Unsubscribed", ("unsubscribed", "imported")),
        ("UNSUB", ("unsubscribed", "imported")),
        ("opted_out", ("unsubscribed", "imported")),
        ("Abgemeldet", ("unsubscribed", "imported")),
        ("désabonné", ("unsubscribed", "imported")),
        ("dado de baja", ("unsubscribed", "imported")),
        ("disiscritta", ("unsubscribed", "imported")),
        ("Hard Bounced", ("unsubscribed", "hard_bounce")),
        ("unzustellbar", ("unsubscribed", "hard_bounce")),
        ("marked as spam", ("unsubscribed", "complaint")),
        ("not unsubscribed", None),
        ("soft bounce", None),
        ("unsubscribed (soft bounce)", ("unsubscribed", "imported")),
        ("Soft bounced - unsubscribed", ("unsubscribed", "imported")),
        ("No longer subscribed", ("unsubscribed", "imported")),
        ("nicht mehr angemeldet", ("unsubscribed", "imported")),
        ("plus abonné", ("unsubscribed", "imported")),
        ("ya no suscrito", ("unsubscribed", "imported")),
        ("not yet confirmed", None),
        ("active", None),
        ("subscribed", None),
        ("?", None),
    ],
)
@pytest.mark.parametrize("form", [FileFormat.CSV, FileFormat.NDJSON])
def test_our_own_status_in_other_words_is_leaving_or_nothing(
    word: str, expected: tuple[str, str] | None, form: FileFormat
):
    data = f"email,status\nada@example.org,{word}\n"
    if form is FileFormat.NDJSON:
        data = json.dumps({"email": "ada@example.org", "status": word})
    (found,) = rows(data, form=form)
    assert isinstance(found, FileRow)
    if expected is None:
        with pytest.raises(InvalidInputError):
            parse_import_row(found.cells, now=datetime.now(UTC))
    else:
        row = parse_import_row(found.cells, now=datetime.now(UTC))
        assert (row.status, row.ended and row.ended.reason) == expected


@pytest.mark.parametrize(
    "lines",
    [
        ["ada@example.org,Ada King", "bob@example.org,Bob Lee"],
        ["ada@example.org,ada@example.org left", "bob@example.org,x@example.org"],
        [f"p{n}@example.org,Person Number {n}" for n in range(40)],
    ],
)
def test_a_refusal_shows_no_words_that_could_name_a_person(lines: list[str]):
    with pytest.raises(ColumnsError) as caught:
        rows("email,Status of\n" + "\n".join(lines) + "\n")
    assert "(with" not in str(caught.value)


def test_a_refusal_shows_the_words_that_many_rows_share():
    lines = [f"p{n}@example.org,{'Mitmachend' if n % 2 else 'Ruhend'}" for n in range(20)]
    with pytest.raises(ColumnsError, match=r"\(with Ruhend, Mitmachend\)"):
        rows("email,Stand\n" + "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "data",
    ["ada@example.org,Ada\nbob@example.org,Bob\n", "Ada,ada@example.org,Status\n"],
)
def test_a_file_without_a_header_repeats_nobody(data: str):
    with pytest.raises(
        InvalidInputError, match="The first line contains an email address"
    ) as caught:
        rows(data)
    assert "ada" not in str(caught.value).lower().replace("header", "")


def test_two_columns_for_one_meaning_are_refused():
    for header in ("email,Email Address", "email,name,Full name"):
        with pytest.raises(InvalidInputError):
            rows(f"{header}\n", unknown="attributes")


def test_a_refusal_of_many_columns_is_short():
    titles = [f"Status {number} {'x' * 500}" for number in range(90)]
    with pytest.raises(ColumnsError) as caught:
        rows(f"email,{','.join(titles)}\na@example.org{',' * 90}\n")
    assert len(caught.value.leaving) == 90
    assert "and 70 more" in str(caught.value)
    assert len(str(caught.value)) < 3_000


def test_only_so_much_of_a_file_is_looked_at():
    read: list[int] = []

    def long_rows() -> Iterator[list[str]]:
        for number in range(1_000):
            read.append(number)
            yield ["x" * (MAX_CHARS // 10)]

    assert len(list(beginning(long_rows(), 500))) == len(read) == 11
    assert len(list(beginning(([""] for _ in range(1_000)), 500))) == 500


@pytest.mark.parametrize(
    "title",
    [
        *("Town", "Birthday", "Phone Number", "Company", "Adresse", "Postleitzahl", "Ville"),
        *("Ciudad", "Country", "Website", "Job title", "Customer number", "Lingua", "Land"),
    ],
)
def test_a_column_of_another_kind_is_left_out_without_a_question(title: str):
    (row,) = rows(f"email,{title}\nada@example.org,x\n", unknown="ignore")
    assert isinstance(row, FileRow)
