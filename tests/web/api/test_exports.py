"""Exports by API: presets, filters, changes with the erased, purpose and manifest."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from service.services import Services
from service.usecases.files.export import ExportRequest

PEOPLE = (
    "email,name,list,status,locale,confirmed_at,source,requested_at,attributes\n"
    "+ada@example.org,Ada King L.,news-flash,confirmed,en,2025-01-02T03:04:05Z,shop,"
    '2025-01-01T00:00:00Z,"{""n"": 1}"\n'
    "bob@example.org,=Bob,news-flash,confirmed,de,2025-03-02T03:04:05Z,page,2025-03-01T00:00:00Z,\n"
    "eve@example.org,Eve,news-flash,unsubscribed,,2025-01-02T03:04:05Z,shop,,\n"
)


class Exporter:
    """An export key's client, on a list with three people."""

    def __init__(self, client: FlaskClient, services: Services) -> None:
        self._client = client
        self.services = services
        self.headers = {
            "Authorization": f"Bearer {services.keys.create('tool', 'export', actor='test')}"
        }
        admin = services.keys.create("boss", "admin", actor="test")
        self.admin = {"Authorization": f"Bearer {admin}"}
        brought = client.post(
            "/v1/subscribers/import", data=PEOPLE, content_type="text/csv", headers=self.admin
        )
        assert '"imported":3' in brought.text.replace(" ", ""), brought.text

    def get(self, query: str) -> Any:
        return self._client.get(f"/v1/subscribers/export?{query}", headers=self.headers)

    def rows(self, query: str) -> list[dict[str, str]]:
        answer = self.get(query)
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))

    def manifest(self, export_id: str, headers: dict[str, str] | None = None) -> Any:
        return self._client.get(f"/v1/exports/{export_id}", headers=headers or self.headers)

    def listed(self) -> Any:
        return json.loads(self._client.get("/v1/exports", headers=self.headers).text)["exports"]

    def erase(self, email: str) -> str:
        (found,) = self.services.subscribers.page(limit=5, text=email).items
        self.services.subscribers.erase(found.info.id, actor="test")
        return str(found.info.id)


@pytest.fixture
def exporter(client: FlaskClient, services: Services) -> Exporter:
    return Exporter(client, services)


@pytest.mark.parametrize(
    ("preset", "header", "first"),
    [
        ("listmonk", "email,name,attributes", ["+ada@example.org", "Ada King L.", '{"n": 1}']),
        (
            "mailchimp",
            "Email Address,First Name,Last Name",
            ["+ada@example.org", "Ada", "King L."],
        ),
        ("buttondown", "email,name", ["+ada@example.org", "Ada King L."]),
        (
            "keila",
            "Email,First name,Last name,Data,Status",
            ["+ada@example.org", "Ada", "King L.", '{"n": 1}', "active"],
        ),
    ],
)
def test_a_preset_has_the_columns_of_its_tool_and_only_the_confirmed(
    exporter: Exporter, preset: str, header: str, first: list[str]
):
    lines = list(csv.reader(io.StringIO(exporter.get(f"preset={preset}").text, newline="")))
    assert lines[0] == header.split(",")
    assert sorted(lines[1:])[0] == first
    assert len(lines) == 3
    assert {line[1] for line in lines[1:]} & {"'=Bob"}
    assert exporter.get(f"preset={preset}&columns=email").status_code == 422


def test_filters_go_together(exporter: Exporter):
    def emails(query: str) -> set[str]:
        return {row["email"].removeprefix("'") for row in exporter.rows(query)}

    assert emails("locale=de") == {"bob@example.org"}
    assert emails("source=shop") == {"+ada@example.org", "eve@example.org"}
    assert emails("from=2025-02-01T00:00:00Z&to=2025-04-01T00:00:00Z") == {"bob@example.org"}
    assert emails("to=2025-03-01T00:00:00Z&status=confirmed") == {"+ada@example.org"}
    assert emails("source=shop&locale=de") == set()


def test_changes_tell_of_those_who_left_and_by_id_alone_of_the_erased(exporter: Exporter):
    gone = exporter.erase("bob@")
    since = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = exporter.rows(f"since={since}")
    assert {row["status"] for row in rows} == {"confirmed", "unsubscribed", ""}
    (erased,) = [row for row in rows if row["erased_at"]]
    assert erased["id"] == gone
    assert {name for name, cell in erased.items() if cell} == {"id", "erased_at"}
    assert datetime.fromisoformat(erased["erased_at"]).tzinfo is UTC
    assert all(UUID(row["id"]) for row in rows)
    lines = exporter.get(f"since={since}&format=ndjson&list=news-flash").text.splitlines()
    assert [json.loads(line)["id"] for line in lines if json.loads(line)["erased_at"]] == [gone]
    assert len(exporter.rows(f"since={since}&columns=email,status")) == 2
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert exporter.rows(f"since={later}") == []


@pytest.mark.parametrize("extra", ["", "&columns=email,unsubscribe_url"])
def test_a_mark_tells_a_spreadsheet_that_it_is_utf_8(exporter: Exporter, extra: str):
    plain, marked = exporter.get(f"bom=false{extra}").data, exporter.get(f"bom=true{extra}").data
    assert marked == b"\xef\xbb\xbf" + plain
    assert exporter.get("bom=true&format=ndjson").status_code == 422


@pytest.mark.parametrize("form", ["csv", "ndjson", "xlsx"])
def test_the_manifest_says_what_the_file_is(exporter: Exporter, form: str):
    answer = exporter.get(f"format={form}&list=news-flash&locale=de&purpose=the%20monthly%20issue")
    assert answer.data
    shown = exporter.manifest(answer.headers["Newsflash-Export"]).json
    assert shown["is_complete"]
    assert shown["rows"] == 1
    assert shown["bytes"] == len(answer.data)
    assert shown["sha256"] == hashlib.sha256(answer.data).hexdigest()
    assert shown["filters"] == {"list": "news-flash", "locale": "de"}
    assert (shown["actor"], shown["format"]) == ("key:tool", form)
    assert shown["purpose"] == "the monthly issue"
    assert exporter.listed() == [shown]


def test_an_export_that_breaks_off_is_in_the_log_and_not_complete(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
):
    def breaking(*_: Any) -> Iterator[bytes]:
        yield b"email\n"
        raise OSError("gone")

    monkeypatch.setattr("service.store.files.exports.export_blocks", breaking)
    stream = exporter.services.export(ExportRequest(), actor="key:tool")
    assert next(stream) == b"email\n"
    with pytest.raises(OSError, match="gone"):
        next(stream)
    stream.close()
    (shown,) = exporter.listed()
    assert (shown["is_complete"], shown["sha256"], shown["rows"]) == (False, None, None)


def test_a_key_sees_its_own_exports_and_an_administrator_all(exporter: Exporter):
    for _ in exporter.services.export(ExportRequest(), actor="key:other"):
        pass
    (other,) = exporter.services.exports.page(limit=5).items
    assert exporter.listed() == []
    assert exporter.manifest(str(other.id)).status_code == 404
    assert exporter.manifest(str(other.id), exporter.admin).json["rows"] == 3
    (imported,) = [
        entry
        for entry in exporter.services.audit.page(limit=9).items
        if entry.action == "subscribers.imported"
    ]
    assert exporter.manifest(str(imported.id), exporter.admin).status_code == 404
