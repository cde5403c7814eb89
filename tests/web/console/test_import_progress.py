"""An import by the admin page that tells how far it is."""

import io
import json

import pytest

from service.usecases.files import import_subscribers
from tests.web.console.steps import ORIGIN, Admin

HEADER = "email,status\n"
CHUNK_ROWS = 100


@pytest.fixture
def database_url(sqlite_url):
    """Progress does not depend on the database: one kind is enough."""
    return sqlite_url


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Have a file of a few rows be one of several chunks."""
    monkeypatch.setattr(import_subscribers, "CHUNK_ROWS", CHUNK_ROWS)


@pytest.fixture
def admin(client, services):
    return Admin.sign_in(client, services)


def rows(count):
    return "".join(f"reader{number}@example.org,pending\n" for number in range(count))


def post(admin, text, **data):
    return admin.client.post(
        "/admin/import",
        data={
            "csrf_token": admin.token,
            "file": (io.BytesIO(text.encode()), "people.csv"),
            **data,
        },
        headers={"Origin": ORIGIN, "Accept": "application/x-ndjson"},
    )


def lines(answer):
    assert (answer.status_code, answer.mimetype) == (200, "application/x-ndjson")
    with answer:  # a server closes what it has sent
        return [json.loads(line) for line in answer.text.splitlines()]


def test_rows_are_told_chunk_by_chunk_and_then_the_page(services, admin):
    text = HEADER + rows(2 * CHUNK_ROWS + 1)
    answer = post(admin, text)
    assert answer.headers["Cache-Control"] == "no-store"
    *told, last = lines(answer)
    assert len(told) == 3
    assert [each["bytes"] for each in told] == sorted(each["bytes"] for each in told)
    assert told[-1]["bytes"] == len(text)
    assert [each["rows"] for each in told] == sorted(each["rows"] for each in told)
    assert told[-1]["rows"] >= CHUNK_ROWS
    assert list(last) == ["page"]
    assert "Import results: people.csv" in last["page"]
    assert "<strong>201</strong> rows" in last["page"]
    assert services.subscribers.id_of("reader200@example.org")


def test_the_report_of_every_row_comes_in_pieces(admin):
    told = lines(post(admin, HEADER + rows(CHUNK_ROWS + 1) + "nobody,pending\n", rows="1"))
    report = "".join(line["report"] for line in told if "report" in line).splitlines()
    assert report[0] == "line,outcome,column,message"
    assert len(report) == 1 + CHUNK_ROWS + 2
    assert report.count("2,imported,,") == 1
    assert len([line for line in report if line.startswith("103,bad,email,")]) == 1
    assert "page" in told[-1]


def test_a_file_of_bad_rows_only_tells_how_far_it_is_and_holds_none_of_them(admin, monkeypatch):
    monkeypatch.setattr(import_subscribers, "PROGRESS_ROWS", 50)
    told = lines(post(admin, HEADER + "nobody,pending\n" * 175, rows="1"))
    assert [each["rows"] for each in told if "rows" in each] == [50, 100, 150]
    assert [each["bytes"] > 0 for each in told if "bytes" in each] == [True] * 3
    pieces = [line["report"].count("\n") for line in told if "report" in line]
    assert sum(pieces) == 1 + 175
    assert max(pieces) <= 51


def test_a_trial_tells_and_changes_nothing(services, admin):
    told = lines(post(admin, HEADER + rows(1), **{"try": "1"}))
    assert "Dry run results: people.csv" in told[-1]["page"]
    assert services.subscribers.page(limit=1).items == []


@pytest.mark.parametrize(
    ("text", "data", "said"),
    [("a;b\n", {}, "file-error"), (HEADER + rows(1), {"list": "gone"}, "This list was deleted.")],
)
def test_what_cannot_be_imported_is_said_on_the_page(admin, text, data, said):
    (last,) = lines(post(admin, text, **data))
    assert said in last["page"]


def test_an_import_that_breaks_off_says_so_and_no_more(services, admin, monkeypatch):
    def break_off(*_args, **_kwargs):
        raise RuntimeError("ada@example.org")

    monkeypatch.setattr(type(services.import_), "__call__", break_off)
    assert lines(post(admin, HEADER + rows(1))) == [{"failed": True}]


def test_an_import_goes_on_though_the_browser_has_gone(services, admin):
    answer = post(admin, HEADER + rows(20 * CHUNK_ROWS), rows="1")
    told = iter(answer.response)
    assert "bytes" in json.loads(next(told))
    answer.close()
    assert services.subscribers.id_of(f"reader{20 * CHUNK_ROWS - 1}@example.org")


def test_a_plain_form_is_answered_with_the_page_itself(admin):
    file = (io.BytesIO((HEADER + rows(1)).encode()), "people.csv")
    answer = admin.post("/admin/import", file=file)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "Import results: people.csv" in answer.text
    bad = (io.BytesIO(b"a;b\n"), "people.csv")
    assert admin.post("/admin/import", file=bad).status_code == 422


def test_the_page_shows_what_was_left_out_of_rows_that_were_taken(admin):
    *_, last = lines(post(admin, "email,status,ended_at\nada@example.org,unsubscribed,soon\n"))
    assert "Imported, with changes" in last["page"]
    assert "<td>ended_at</td>" in last["page"]
    *_, last = lines(post(admin, HEADER + rows(1)))
    assert "Imported, with changes" not in last["page"]
