"""Files for other tools: the columns, the order and the values that each takes without a word."""

import csv
import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.services import Services

LONG = {"text": "é" * 1_500}
MANY = {"a": [1] * 700}
FULL = {"text": "x" * 1_980}
PEOPLE: list[dict[str, Any]] = [
    {"email": "+ada@example.org", "name": 'Ada "A" King, L.', "attributes": {"city": "Köln"}},
    {"email": "bob@example.org", "name": "=1+1 @SUM(A1)"},
    {"email": "cay@example.org", "name": "C" * 200},
    {"email": "dan@example.org", "name": f"={'D' * 90} -{'d' * 90}", "attributes": LONG},
    {"email": "eve@bücher.example", "name": "李小龍 🎉", "attributes": MANY},
    {"email": "fay@example.org", "attributes": FULL},
    {"email": "gus@example.org", "name": "Gus", "status": "unsubscribed"},
    {"email": "hal@example.org", "name": "Hal", "status": "pending"},
]


class Files:
    """Gives the preset files of a list with these people."""

    def __init__(self, client: FlaskClient, services: Services) -> None:
        self._client = client
        self.services = services
        key = services.keys.create("boss", "admin", actor="test")
        self._headers = {"Authorization": f"Bearer {key}"}
        usual = {"status": "confirmed", "confirmed_at": "2025-01-02T03:04:05Z", "source": "shop"}
        brought = client.post(
            "/v1/subscribers/import",
            data="\n".join(json.dumps({**usual, **person}) for person in PEOPLE).encode(),
            content_type="application/x-ndjson",
            headers=self._headers,
        )
        assert json.loads(brought.text)["imported"] == len(PEOPLE), brought.text

    def text(self, query: str) -> str:
        answer = self._client.get(f"/v1/subscribers/export?{query}", headers=self._headers)
        assert answer.status_code == 200, answer.text
        return answer.get_data(as_text=True)

    def lines(self, query: str) -> list[list[str]]:
        header, *rows = csv.reader(io.StringIO(self.text(query), newline=""))
        return [header, *sorted(rows, key=lambda row: row[0].lstrip("+"))]


@pytest.fixture
def files(client: FlaskClient, services: Services) -> Files:
    return Files(client, services)


def test_listmonk_finds_its_three_columns_and_attributes_as_json(files: Files):
    header, *rows = files.lines("preset=listmonk")
    assert header == ["email", "name", "attributes"]
    assert [(row[0], row[1]) for row in rows] == [
        ("+ada@example.org", 'Ada "A" King, L.'),
        ("bob@example.org", "'=1+1 @SUM(A1)"),
        ("cay@example.org", "C" * 200),
        ("dan@example.org", f"'={'D' * 90} -{'d' * 90}"),
        ("eve@bücher.example", "李小龍 🎉"),
        ("fay@example.org", ""),
    ]
    assert [row[2] and json.loads(row[2]) for row in rows] == [
        {"city": "Köln"},
        "",
        "",
        LONG,
        MANY,
        FULL,
    ]


def test_mailchimp_has_a_first_and_a_last_name(files: Files):
    header, *rows = files.lines("preset=mailchimp")
    assert header == ["Email Address", "First Name", "Last Name"]
    assert rows[:2] == [
        ["+ada@example.org", "Ada", '"A" King, L.'],
        ["bob@example.org", "'=1+1", "'@SUM(A1)"],
    ]


def test_buttondown_has_only_what_it_matches_by_itself(files: Files):
    header, *rows = files.lines("preset=buttondown")
    assert header == ["email", "name"]
    assert rows[0] == ["+ada@example.org", 'Ada "A" King, L.']


def test_keila_gets_no_row_for_which_it_would_refuse_the_file(files: Files):
    header, *rows = files.lines("preset=keila")
    assert header == ["Email", "First name", "Last name", "Data", "Status"]
    found = {row[0].partition("@")[0]: row[1:] for row in rows}
    assert found["+ada"] == ["Ada", '"A" King, L.', '{"city": "Köln"}', "active"]
    assert found["bob"] == ["'=1+1", "'@SUM(A1)", "", "active"]
    assert found["cay"] == ["C" * 49, "", "", "active"]
    assert found["dan"] == [f"'={'D' * 48}", f"'-{'d' * 48}", "", "active"]
    assert found["eve"][2] == ""
    assert json.loads(found["fay"][2]) == FULL
    assert all(len(cell) <= 50 for row in rows for cell in row[1:3])


def test_keilas_data_is_an_object_in_json_too(files: Files):
    lines = map(json.loads, files.text("preset=keila&format=ndjson").splitlines())
    data = {line["Email"]: line["Data"] for line in lines}
    assert data["+ada@example.org"] == {"city": "Köln"}
    assert data["dan@example.org"] is None


@pytest.mark.parametrize("preset", ["listmonk", "mailchimp", "buttondown", "keila"])
def test_no_tool_is_given_a_suppressed_address(files: Files, preset: str):
    for email in ("BOB@example.org", "gus@example.org", "hal@example.org"):
        files.services.suppressions.add(email, note=None, actor="test")
    assert [row[0][:3] for row in files.lines(f"preset={preset}")[1:]] == [
        "+ad",
        "cay",
        "dan",
        "eve",
        "fay",
    ]
    assert files.lines(f"preset={preset}&status=pending")[1:] == []
    # Whoever is to be kept out there as well is asked for by this status.
    assert [row[0] for row in files.lines(f"preset={preset}&status=unsubscribed")[1:]] == [
        "gus@example.org"
    ]


def test_our_own_file_tells_of_the_suppressed_as_before(files: Files):
    files.services.suppressions.add("bob@example.org", note=None, actor="test")
    assert "bob@example.org" in files.text("columns=email,status")
