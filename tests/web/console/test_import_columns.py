"""The page that shows a file's columns before it is imported, and what is said there."""

import io
import json
from zipfile import ZipFile

import pytest
from sqlalchemy import select

from service.store.tables.people import Subscriber, Subscription
from tests.web.console.steps import ORIGIN, Admin

FILE = (
    "Contact,Called,Standing,Town <b>\n"
    "ada@example.org,Ada,In,Köln\n"
    "bob@example.org,Bob,Unsubscribed,Bonn\n"
    "cay@example.org,Cay,Odd,Bonn\n"
)
CHOICES = {
    "title-0": "Contact",
    "column-0": "email",
    "title-1": "Called",
    "column-1": "name",
    "title-2": "Standing",
    "column-2": "status",
    "word-2-0": "in",
    "meaning-2-0": "confirmed",
    "word-2-1": "odd",
    "meaning-2-1": "skipped",
    "title-3": "Town <b>",
    "column-3": "attribute",
}


@pytest.fixture
def database_url(sqlite_url):
    """What is chosen does not depend on the database: one kind is enough."""
    return sqlite_url


@pytest.fixture
def admin(client, services):
    return Admin.sign_in(client, services)


def post(admin, path="/admin/import", text=FILE, name="people.csv", accept="text/html", **data):
    return admin.client.post(
        path,
        data={
            "csrf_token": admin.token,
            "file": (io.BytesIO(text.encode()), name),
            **{key.replace("_", "-"): value for key, value in data.items()},
        },
        headers={"Origin": ORIGIN, "Accept": accept},
    )


def held(engine):
    query = select(Subscriber.email, Subscription.status).join(
        Subscription, Subscription.subscriber_id == Subscriber.id
    )
    with engine.connect() as connection:
        return {row.email[:3]: row.status for row in connection.execute(query)}


def test_the_columns_are_shown_and_nothing_is_imported(admin, engine):
    answer = post(admin, "/admin/import/columns")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Columns of people.csv" in answer.text
    for part in ("ada@example.org", "Town &lt;b&gt;", 'value="unsubscribed" selected'):
        assert part in answer.text
    assert "<b>" not in answer.text
    assert held(engine) == {}


@pytest.mark.parametrize("accept", ["text/html", "application/x-ndjson"])
def test_a_file_that_needs_a_choice_leads_to_the_columns(admin, engine, accept):
    answer = post(admin, text=FILE.replace("Standing", "Email status"), accept=accept)
    page = answer.text if accept == "text/html" else json.loads(answer.text)["page"]
    assert answer.status_code == (422 if accept == "text/html" else 200)
    answer.close()
    assert "must not be emailed: Email status. Say what each one is." in page
    assert "map=" not in page
    assert held(engine) == {}


def test_what_is_chosen_decides_also_after_a_dry_run(admin, engine):
    trial = post(admin, **CHOICES, **{"try": "1"})
    assert trial.status_code == 200
    assert held(engine) == {}
    for part in ("Dry run results: people.csv", "never subscribed", "Columns of people.csv"):
        assert part in trial.text
    chosen = trial.text[trial.text.index('name="column-3"') :]
    assert '<option value="attribute" selected>' in chosen[: chosen.index("</select>")]

    done = post(admin, **CHOICES)
    assert "Import results: people.csv" in done.text
    assert held(engine) == {"ada": "pending", "bob": "unsubscribed"}
    with engine.connect() as connection:
        found = connection.execute(
            select(Subscriber.name, Subscriber.attributes).order_by(Subscriber.email_key)
        ).first()
    assert tuple(found) == ("Ada", {"Town <b>": "Köln"})


def test_a_column_that_nobody_chose_is_asked_for_again(admin, engine):
    choices = {**CHOICES, "column-2": ""}
    answer = post(admin, text=FILE.replace("Standing", "Opt-out"), **choices)
    assert answer.status_code == 422
    assert "Opt-out" in answer.text
    # What the file does not have is no choice of columns.
    assert 'value="attribute" selected' in answer.text
    assert held(engine) == {}


@pytest.mark.parametrize("text", ["", "\n\n", "ada@example.org,Ada\n", "PK\x03\x04"])
@pytest.mark.parametrize("path", ["/admin/import", "/admin/import/columns"])
def test_a_file_without_columns_is_refused_on_the_first_page(admin, path, text):
    answer = post(admin, path, text=text)
    assert answer.status_code == 422
    assert 'id="file-error"' in answer.text
    assert "ada@" not in answer.text


@pytest.mark.parametrize("path", ["/admin/import", "/admin/import/columns"])
def test_a_form_without_a_file_asks_for_one(admin, path):
    answer = admin.post(path)
    assert (answer.status_code, "Choose a file." in answer.text) == (422, True)


def test_the_page_of_columns_is_for_administrators(client):
    assert client.post("/admin/import/columns").status_code in (303, 403)


def test_the_result_names_the_tool_and_what_was_left_out(admin):
    text = "Email,First name,Last name,Data,Status,Town\nada@example.org,Ada,King,{},active,Bonn\n"
    page = post(admin, text=text, **{"try": "1"}).text
    assert "File format: Keila" in page
    assert "Columns left out: Town" in page


def test_an_archive_comes_in_by_page_and_by_api(admin, engine, services):
    data = io.BytesIO()
    with ZipFile(data, "w") as archive:
        archive.writestr("people.csv", FILE)
    page = admin.client.post(
        "/admin/import/columns",
        data={"csrf_token": admin.token, "file": (io.BytesIO(data.getvalue()), "people.zip")},
        headers={"Origin": ORIGIN},
    )
    assert (page.status_code, "Columns of people.zip" in page.text) == (200, True)
    key = services.keys.create("files", "admin", actor="test")
    answer = admin.client.post(
        "/v1/subscribers/import?map=Contact:email&map=Called:name&map=Standing:status"
        "&meaning=Standing:in:pending&unknown=ignore",
        data=data.getvalue(),
        content_type="application/zip",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 200, answer.text
    found = answer.json
    assert (found["tool"], found["left_out"]) == (None, ["Town <b>"])
    assert found["columns"][0] == {"title": "Contact", "taken_for": "email"}
    assert [(each["file"], each["line"]) for each in found["problems"]] == [("people.csv", 4)]
    assert held(engine) == {"ada": "pending", "bob": "unsubscribed"}


@pytest.mark.parametrize("query", ["unknown=keep", "map=Contact", "meaning=Contact", "map="])
def test_a_wrong_choice_is_refused_by_the_api(client, services, query):
    key = services.keys.create("files", "admin", actor="test")
    answer = client.post(
        f"/v1/subscribers/import?{query}",
        data="email\n",
        content_type="text/csv",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"].split("/")[1] == query.partition("=")[0]


def test_the_report_of_every_row_begins_with_the_tool_and_what_was_left_out(client, services):
    key = services.keys.create("files", "admin", actor="test")
    answer = client.post(
        "/v1/subscribers/import?report=csv&dry_run=true",
        data="Email,First name,Last name,Data,Status,Town\nada@example.org,A,B,{},active,Bonn\n",
        content_type="text/csv",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.text.splitlines()[:2] == [
        "line,outcome,column,message",
        "1,header,,file format: Keila; columns left out: Town",
    ]
    answer.close()
