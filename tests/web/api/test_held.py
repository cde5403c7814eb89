"""Signups of high risk are held, look like any other, and wait for an administrator."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from click.testing import CliRunner
from sqlalchemy import event, func, select

from service.app import services_of
from service.cli import main
from service.domain.subscription import CODE_TRIES, HELD_OF_ADDRESS
from service.store.tables.access import AuditEntry
from service.store.tables.base import db
from service.store.tables.delivery import OutboxMessage
from service.store.tables.people import Subscriber
from service.store.tables.signup import HeldSignup
from service.store.together import Together
from service.usecases.signup.held import KEEP
from tests.web.pages.test_membership import shape

CALL = "/v1/subscriptions"
FORM = "/subscribe/news-flash"
BOT = {"email": "Bot@example.org", "website": "http://spam.example", "name": "B"}


@pytest.fixture
def admin(services):
    key = services.keys.create("admin", "admin", actor="test")
    return {"Authorization": f"Bearer {key}"}


def _count(app, model):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model))


def _held(client, admin):
    return client.get("/v1/held", headers=admin).json["held"]


def test_a_trapped_signup_is_held_and_answered_like_any_other(app, client, admin):
    person = client.post(CALL, json={"email": "reader@example.org"})
    bot = client.post(CALL, json=BOT)
    assert (bot.status_code, bot.json.keys()) == (person.status_code, person.json.keys())
    assert len(bot.json["status_url"]) == len(person.json["status_url"])
    assert [name for name, _ in bot.headers] == [name for name, _ in person.headers]
    assert (_count(app, Subscriber), _count(app, OutboxMessage)) == (1, 1)
    pages = [client.get(told.json["status_url"]) for told in (person, bot)]
    assert [page.status_code for page in pages] == [200, 200]
    assert [page.text.count("<h1>Check your inbox</h1>") for page in pages] == [1, 1]
    [held] = _held(client, admin)
    assert (held["email"], held["name"], held["lists"]) == ("Bot@example.org", "B", ["news-flash"])
    assert (held["score"], held["reasons"]) == (100, ["trap"])


def test_a_held_signup_runs_the_statements_of_any_other(app, client, statements):
    client.post(CALL, json={"email": "reader@example.org"})
    person = list(statements)
    statements.clear()
    client.post(CALL, json=BOT)
    extra = [each for each in statements if each not in person]
    assert [each.split()[:3] for each in extra] == [["INSERT", "INTO", "held_signups"]]
    assert len(statements) <= len(person) + 1


@pytest.fixture
def statements(app, monkeypatch):
    """What is run, one statement after another as behind a pooler, where each can be seen."""
    seen = []

    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith("NOTIFY"):  # sent by a thread of its own, for many together
            seen.append(statement)

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
    monkeypatch.setattr(Together, "_is_made", lambda *_: False)
    return seen


def test_wrong_codes_end_alike_for_a_held_signup_and_for_any_other(client):
    """Side by side over HTTP: the eleventh is refused, on the address's other pages too."""
    told = {}
    for kind, trap in (("taken", ""), ("held", "http://spam.example")):
        entered = {"email": f"{kind:x<6}@example.org", "website": trap}
        pages = [client.post(FORM, data=entered).location for _ in range(2)]
        answers = [client.post(pages[0], data={"code": "000000"}) for _ in range(CODE_TRIES + 1)]
        answers += [client.post(pages[1], data={"code": "000000"}), client.get(pages[0])]
        told[kind] = [
            (answer.status_code, shape(answer.text), [(n, shape(v)) for n, v in answer.headers])
            for answer in answers
        ]
    statuses = [status for status, *_ in told["taken"]]
    assert statuses == [422] * CODE_TRIES + [429, 429, 200]
    assert told["held"] == told["taken"]


def test_a_released_signup_owes_its_mail_and_keeps_its_status_page(app, client, admin):
    told = client.post(FORM, data={**BOT, "source": "https://site.example/x"}).location
    [held] = _held(client, admin)
    assert held["source"] == "https://site.example/x"
    assert client.post(f"/v1/held/{held['id']}/release", headers=admin).status_code == 204
    assert (_count(app, HeldSignup), _count(app, OutboxMessage)) == (0, 1)
    assert client.get(told).status_code == 200
    with app.app_context():
        message = db.session.execute(select(OutboxMessage)).scalar_one()
        assert (str(message.id), message.status) == (held["id"], "queued")
        actions = db.session.scalars(select(AuditEntry.action)).all()
        assert "held.released" in actions
    assert client.post(f"/v1/held/{held['id']}/release", headers=admin).status_code == 404


def test_a_dropped_signup_is_gone(app, client, admin):
    client.post(CALL, json=BOT)
    [held] = _held(client, admin)
    assert client.post(f"/v1/held/{held['id']}/drop", headers=admin).status_code == 204
    assert (_count(app, HeldSignup), _count(app, OutboxMessage)) == (0, 0)
    assert client.post(f"/v1/held/{held['id']}/drop", headers=admin).status_code == 404


def test_released_signups_keep_to_the_addresss_budget_of_mails(app, client, admin):
    for _ in range(HELD_OF_ADDRESS):
        client.post(CALL, json=BOT)
    for held in _held(client, admin):
        client.post(f"/v1/held/{held['id']}/release", headers=admin)
    with app.app_context():
        statuses = db.session.scalars(select(OutboxMessage.status)).all()
    assert sorted(statuses) == ["queued"] + ["withheld"] * (HELD_OF_ADDRESS - 1)


def test_held_signups_come_in_pages_newest_first(client, admin):
    for number in range(5):
        client.post(CALL, json={**BOT, "email": f"bot{number}@example.org"})
    first = client.get("/v1/held?limit=3", headers=admin).json
    rest = client.get(f"/v1/held?limit=3&cursor={first['next_cursor']}", headers=admin).json
    emails = [held["email"] for page in (first, rest) for held in page["held"]]
    assert emails == [f"bot{number}@example.org" for number in (4, 3, 2, 1, 0)]
    assert rest["next_cursor"] is None


def test_only_administrators_see_held_signups(client, services):
    key = services.keys.create("site", "signup", actor="test")
    assert client.get("/v1/held").status_code == 401
    headers = {"Authorization": f"Bearer {key}"}
    assert client.get("/v1/held", headers=headers).status_code == 403


def test_a_held_signup_is_forgotten_after_thirty_days(app, client, services):
    with time_machine.travel(datetime(2026, 3, 1, tzinfo=UTC), tick=False) as clock:
        client.post(CALL, json=BOT)
        clock.shift(KEEP - timedelta(seconds=1))
        assert services.held.purge() == 0
        clock.shift(timedelta(seconds=2))
        assert services.held.purge() == 1
        assert _count(app, HeldSignup) == 0


def test_erasing_a_person_forgets_what_is_held_of_them(app, client, admin):
    client.post(CALL, json={"email": BOT["email"]})
    client.post(CALL, json=BOT)
    client.post(CALL, json={**BOT, "email": "other@example.org"})
    with app.app_context():
        person = db.session.scalars(select(Subscriber.id)).one()
    assert client.delete(f"/v1/subscribers/{person}", headers=admin).status_code == 204
    assert [held["email"] for held in _held(client, admin)] == ["other@example.org"]


def test_the_command_line_does_the_same(app, client, settings, monkeypatch):
    monkeypatch.setattr("service.cli.application.load_settings", lambda **_: settings)
    monkeypatch.setattr("service.cli.application.open_services", lambda _settings: services_of(app))
    for number in range(2):
        client.post(CALL, json={**BOT, "email": f"bot{number}@example.org"})
    run = CliRunner()
    lines = run.invoke(main, ["held", "list"]).output.splitlines()
    assert [line.split()[-1] for line in lines] == ["bot1@example.org", "bot0@example.org"]
    ids = [line.split()[0] for line in lines]
    assert run.invoke(main, ["held", "release", ids[0]]).output == f"{ids[0]} released\n"
    assert run.invoke(main, ["held", "drop", ids[1]]).output == f"{ids[1]} dropped\n"
    again = run.invoke(main, ["held", "drop", ids[1]])
    assert (again.exit_code, again.output) == (1, f"Error: There is no held signup {ids[1]}.\n")
    assert (_count(app, HeldSignup), _count(app, OutboxMessage)) == (0, 1)
