"""ZIP archives: Mailchimp's export of several files, and archives that are none or hostile."""

import io
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile

import pytest
from sqlalchemy import Engine, select

from service.domain.errors import InvalidInputError
from service.domain.files.exchange import FileFormat
from service.domain.files.mapping import parse_mapping
from service.store.tables.access import AuditEntry
from service.store.tables.people import Subscriber, Subscription
from service.usecases.files import import_archive as module
from service.usecases.files.import_archive import parts_of
from service.usecases.files.import_report import ImportReport, RowResult
from service.usecases.files.import_subscribers import Import, ImportOptions
from service.usecases.lists.lists import Lists

HASH_KEY = b"an-address-hash-key-for-tests-only-01"
FILES = Path(__file__).parent / "tool_files"
HEADER = (
    "Email Address,First Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,{},"
    "LEID,EUID"
)
ROW = "{}@example.org,{},2,2024-01-01 10:00:00,192.0.2.1,2024-01-01 10:05:00,192.0.2.1,{},1,a"
TIME = "2024-02-01 10:00:00"


def table(end: str, *names: str) -> str:
    rows = [ROW.format(name, name.title(), TIME) for name in names]
    return "\n".join([HEADER.format(end), *rows]) + "\n"


EXPORT = {
    "subscribed_members_export_0a1b.csv": table("LAST_CHANGED", "ada", "bob"),
    "unsubscribed_members_export_0a1b.csv": table("UNSUB_TIME", "bob", "cay"),
    "cleaned_members_export_0a1b.csv": table("CLEAN_TIME", "dan"),
    "nonsubscribed_members_export_0a1b.csv": table("LAST_CHANGED", "eve"),
}


def packed(members: Mapping[str, "str | bytes"], **options: Any) -> bytes:
    data = io.BytesIO()
    with ZipFile(data, "w", **{"compression": ZIP_DEFLATED, **options}) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


class OneWay(io.RawIOBase):
    """A stream that cannot go back, as a request's body."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        return self._data.readinto(buffer)


def take(engine: Engine, data: bytes, **options: Any) -> tuple[ImportReport, list[RowResult]]:
    told: list[RowResult] = []
    report = Import(engine, lists=Lists(engine), address_hash_key=HASH_KEY)(
        OneWay(data),  # type: ignore[arg-type]
        format=FileFormat.CSV,
        actor="test",
        options=ImportOptions(**options),
        listener=told.append,
    )
    return report, told


def held(engine: Engine) -> dict[str, tuple[str, str | None]]:
    query = select(Subscriber.email, Subscription.status, Subscription.ended_reason).join(
        Subscription, Subscription.subscriber_id == Subscriber.id
    )
    with engine.connect() as connection:
        return {row.email[:3]: (row.status, row.ended_reason) for row in connection.execute(query)}


@pytest.mark.parametrize("order", [1, -1])
def test_mailchimps_export_is_one_import_each_file_by_its_own_meaning(engine: Engine, order: int):
    members = dict(list(EXPORT.items())[::order])
    report, told = take(engine, packed({f"export/{name}": text for name, text in members.items()}))
    assert held(engine) == {
        "ada": ("confirmed", None),
        "bob": ("unsubscribed", "imported"),
        "cay": ("unsubscribed", "imported"),
        "dan": ("unsubscribed", "hard_bounce"),
    }
    assert (report.tool, report.rows, report.imported, report.skipped) == ("mailchimp", 6, 4, 2)
    assert {(row.file, row.line) for row in told} == {
        ("subscribed_members_export_0a1b.csv", 2),
        ("subscribed_members_export_0a1b.csv", 3),
        ("unsubscribed_members_export_0a1b.csv", 2),
        ("unsubscribed_members_export_0a1b.csv", 3),
        ("cleaned_members_export_0a1b.csv", 2),
        ("nonsubscribed_members_export_0a1b.csv", 2),
    }
    assert {problem.file for problem in report.problems} == {
        "subscribed_members_export_0a1b.csv",
        "nonsubscribed_members_export_0a1b.csv",
    }
    with engine.connect() as connection:
        actions = list(
            connection.scalars(
                select(AuditEntry.action).where(AuditEntry.action == "subscribers.imported")
            )
        )
    assert len(actions) == 1


def test_whoever_never_subscribed_is_not_emailed_by_any_column(engine: Engine):
    name = "nonsubscribed_members_export_0a1b.csv"
    report, _ = take(engine, packed({name: EXPORT[name]}))
    assert (report.skipped, report.asked, held(engine)) == (1, 0, {})


def test_any_tools_file_may_be_packed_alone(engine: Engine):
    members = {
        "people/ghost.csv": (FILES / "ghost.csv").read_bytes(),
        "__MACOSX/people/._ghost.csv": b"\0\5\26\7",
        "people/.DS_Store": b"x",
        "people/read me.txt": b"hello",
    }
    report, _ = take(engine, packed(members))
    assert (report.tool, report.imported) == ("ghost", 3)


def test_nothing_is_taken_of_an_archive_with_a_file_that_is_not_understood(engine: Engine):
    strange = table("LAST_CHANGED", "fay").replace("First Name", "Opted out")
    for position in (0, 4):
        items = list(EXPORT.items())
        items.insert(position, ("subscribed_more.csv", strange))
        with pytest.raises(InvalidInputError, match="Opted out"):
            take(engine, packed(dict(items)))
        assert held(engine) == {}


def test_a_mapping_holds_for_every_file_that_has_the_column(engine: Engine):
    members = {
        "subscribed_a.csv": table("LAST_CHANGED", "ada").replace("First Name", "Opted out"),
        "unsubscribed_a.csv": table("UNSUB_TIME", "bob"),
    }
    columns = parse_mapping(["Opted out:ignore"], [])
    assert take(engine, packed(members), columns=columns)[0].bad == 0
    assert set(held(engine)) == {"ada", "bob"}
    columns = parse_mapping(["Opted out:ignore", "Nowhere:ignore"], [])
    with pytest.raises(InvalidInputError) as caught:
        take(engine, packed(members), columns=columns)
    assert caught.value.field == "map"


def test_a_name_says_nothing_of_a_file_of_another_tool(engine: Engine):
    for name in ("cleaned_list.csv", "unsubscribed_a.csv"):
        report, _ = take(engine, packed({name: (FILES / "ghost.csv").read_bytes()}), dry_run=True)
        assert report.asked == 1
    members = {"subscribed.csv": "email\n", "unsubscribed.csv": "email\nada@example.org\n"}
    with pytest.raises(InvalidInputError, match="several files"):
        take(engine, packed(members))


def refused(data: bytes) -> str:
    with pytest.raises(InvalidInputError) as caught, parts_of(io.BytesIO(data)):
        pass
    assert caught.value.field == "file"
    return str(caught.value)


def test_an_archive_that_says_nothing_is_refused():
    assert "no CSV" in refused(packed({}))
    assert "no CSV" in refused(packed({"read me.txt": "x"}))
    assert "several files" in refused(packed({"a.csv": "email\n", "b.csv": "email\n"}))
    assert "several files" in refused(
        packed({"a/subscribed_a.csv": "email\n", "b/subscribed_a.csv": "email\n"})
    )
    assert "spreadsheet" in refused(packed({"[Content_Types].xml": "", "xl/workbook.xml": ""}))
    assert "spreadsheet" in refused(packed({"xl/workbook.xml": ""}))


@pytest.mark.parametrize("cut", [4, 10, 60, -30, -10, -1])
def test_a_damaged_archive_is_refused(cut: int):
    data = packed({"people.csv": "email\n" + "a@example.org\n" * 50})
    assert "ZIP archive" in refused(data[:cut])


def test_a_member_that_was_changed_is_refused():
    data = packed({"people.csv": "email,status\na@example.org,unsubscribed\n"}, compression=0)
    assert "damaged" in refused(data.replace(b"unsubscribed", b"subscribed!!", 1))


def test_bombs_are_refused_before_they_are_unpacked(monkeypatch: pytest.MonkeyPatch):
    zeros = packed({"people.csv": b"0" * (module.SMALL_BYTES + 1)})
    assert "far more" in refused(zeros)
    monkeypatch.setattr(module, "MAX_UNPACKED_BYTES", 100)
    assert "too large when unpacked" in refused(packed({"people.csv": b"x,y\n" * 30}))
    monkeypatch.setattr(module, "MAX_ARCHIVE_BYTES", 100)
    assert "too large. Unpack" in refused(packed({"people.csv": b"x,y\n" * 30}))


def test_a_size_that_is_a_lie_is_refused():
    data = packed({"people.csv": b"x,y\n" * 1000})
    lying = data.replace(struct.pack("<L", 4000), struct.pack("<L", 40))
    assert lying != data
    assert "damaged" in refused(lying)


def test_a_long_table_of_members_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch):
    many = packed({f"{number}.txt": "" for number in range(module.MAX_MEMBERS)} | {"a.csv": "x"})
    assert "too many files" in refused(many)
    monkeypatch.setattr(module, "ZipFile", None)
    monkeypatch.setattr(module, "MAX_DIRECTORY_BYTES", 1_000)
    assert "too many files" in refused(many)
    monkeypatch.setattr(module, "MAX_DIRECTORY_BYTES", 1 << 20)
    end = many.rindex(b"PK\5\6")
    zip64 = many[:end] + struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1) + many[end:]
    assert "too many files" in refused(zip64)


def test_other_ways_to_pack_are_refused():
    assert "unknown compression" in refused(packed({"people.csv": "email\n"}, compression=ZIP_LZMA))
    data = packed({"people.csv": "email\n"})
    local, central = data.index(b"PK\3\4"), data.index(b"PK\1\2")
    encrypted = bytearray(data)
    encrypted[local + 6] |= 1
    encrypted[central + 8] |= 1
    assert "encrypted" in refused(bytes(encrypted))


@pytest.mark.parametrize(
    "name",
    ["../../etc/people.csv", "/etc/people.csv", "C:\\people.csv", "a\x1b[31m/pe\x07ople.csv"],
)
def test_a_members_path_is_of_no_use(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with parts_of(io.BytesIO(packed({name: "email\n"}))) as parts:
        (part,) = parts
        assert part.stream.read() == b"email\n"
        assert part.name in ("people.csv", "pe?ople.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_is_no_archive_is_itself():
    for data in (b"", b"P", b"PK", b"email\na@example.org\n" * 10_000):
        with parts_of(OneWay(data)) as parts:  # type: ignore[arg-type]
            assert [part.name for part in parts] == [None]
            ahead = io.BufferedReader(parts[0].stream, 1_000)  # type: ignore[type-var]
            assert ahead.peek(1_000) == data[:1_000]
            assert ahead.read() == data
