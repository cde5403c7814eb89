"""The step between a form post of medium risk and its signup."""

import base64
import hashlib
import html
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from service.app import create_app, services_of
from service.store.tables.base import db
from service.store.tables.delivery import OutboxMessage
from service.store.tables.people import Subscriber
from service.store.tables.signup import HeldSignup
from service.usecases.signup.extra_step import LIFE, WAIT

FORM = "/subscribe/news-flash"
BROWSER = {"User-Agent": "Mozilla/5.0", "Accept": "text/html"}
ENTERED = {
    "email": "reader@mailinator.com",
    "name": " Ada  L. ",
    "source": "https://site.example/x",
}
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def database_url(sqlite_url):
    """The step does not depend on the database: one kind is enough."""
    return sqlite_url


@pytest.fixture
def app(settings):
    made = create_app(replace(settings, ratelimit_enabled=True))
    yield made
    services_of(made).close()


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as travelled:
        yield travelled


def _count(app, model):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model))


def _fields(page):
    return {
        name: html.unescape(value)
        for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    }


def _post(client, data):
    return client.post(FORM, data=data, headers=BROWSER)


def _proof(page):
    """Do the work, as the page's script does."""
    challenge = page.text.partition("data-challenge='")[2].partition("'")[0]
    asked = json.loads(html.unescape(challenge))
    salt = asked["salt"] if asked["salt"].endswith("&") else asked["salt"] + "&"
    number = next(
        number
        for number in range(asked["maxNumber"] + 1)
        if hashlib.sha256(f"{salt}{number}".encode()).hexdigest() == asked["challenge"]
    )
    solved = {key: asked[key] for key in ("algorithm", "challenge", "salt", "signature")}
    return base64.b64encode(json.dumps({**solved, "number": number}).encode()).decode()


def test_a_form_post_of_medium_risk_is_led_to_a_page_with_one_button(app, client):
    page = _post(client, ENTERED)
    assert page.status_code == 200
    assert "<h1>One more step</h1>" in page.text
    assert page.text.count('<button type="submit">') == 1
    assert "Wait 5 seconds, then press Continue." in page.text
    assert "frame-ancestors *" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert _count(app, Subscriber) == 0


def test_after_the_wait_the_button_signs_up(app, client, clock):
    fields = _fields(_post(client, ENTERED))
    clock.shift(WAIT)
    taken = _post(client, fields)
    assert (taken.status_code, taken.location.startswith("/status/")) == (303, True)
    with app.app_context():
        person = db.session.execute(select(Subscriber)).scalar_one()
        assert (person.email, person.name) == ("reader@mailinator.com", "Ada L.")


def test_the_button_pressed_too_early_shows_the_page_again_and_the_wait_goes_on(client, clock):
    fields = _fields(_post(client, ENTERED))
    clock.shift(WAIT - timedelta(seconds=1))
    again = _fields(_post(client, fields))
    assert again["step"] == fields["step"]
    clock.shift(timedelta(seconds=1))
    assert _post(client, again).status_code == 303


def test_a_proof_of_work_needs_no_wait(client, clock):
    page = _post(client, ENTERED)
    assert _post(client, {**_fields(page), "proof": _proof(page)}).status_code == 303


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "other@mailinator.com"},
        {"name": "Other"},
        {"source": "https://other.example"},
        {"step": "forged.token"},
        {"step": ""},
    ],
)
def test_a_step_is_for_what_was_entered(app, client, clock, changes):
    page = _post(client, ENTERED)
    clock.shift(WAIT)
    answer = _post(client, {**_fields(page), "proof": _proof(page), **changes})
    assert answer.status_code == 200
    assert "<h1>One more step</h1>" in answer.text
    assert _count(app, Subscriber) == 0


def test_a_proof_of_another_step_is_none(client, clock):
    other = _post(client, {**ENTERED, "email": "other@mailinator.com"})
    fields = _fields(_post(client, ENTERED))
    assert _post(client, {**fields, "proof": _proof(other)}).status_code == 200


@pytest.mark.parametrize(
    "payload", ["", "x", "W10=", "MQ==", "bnVsbA==", "e30=", "eyJzYWx0IjogMX0=", "A" * 5000]
)
def test_garbage_is_no_proof(client, clock, payload):
    fields = _fields(_post(client, ENTERED))
    assert _post(client, {**fields, "proof": payload}).status_code == 200


def test_a_step_does_not_live_for_ever(client, clock):
    fields = _fields(_post(client, ENTERED))
    clock.shift(LIFE + timedelta(seconds=1))
    assert _post(client, fields).status_code == 200


def test_a_wrong_address_is_told_before_any_step(client):
    page = _post(client, {**ENTERED, "email": "x@@mailinator.com"})
    assert page.status_code == 422


def test_json_gets_no_step(app, client):
    answer = client.post("/v1/subscriptions", json={"email": ENTERED["email"]})
    assert answer.status_code == 202
    script = client.post(FORM, data=ENTERED, headers={**BROWSER, "Accept": "application/json"})
    assert script.status_code == 202
    assert _count(app, OutboxMessage) == 2


def test_plain_forms_scripts_and_people_get_no_step(app, client, clock):
    ordinary = {"email": "reader@example.org"}
    assert client.post(FORM, data=ordinary, headers={"User-Agent": ""}).status_code == 303
    assert _post(client, ordinary).status_code == 303
    fields = _fields(client.get(FORM, headers=BROWSER))
    assert client.post(FORM, data={**fields, **ordinary}).status_code == 303
    clock.shift(10)
    assert _post(client, {**fields, **ordinary}).status_code == 303


def test_the_embedded_form_carries_a_token_too(client):
    assert re.search(
        r'name: "form_token", value: "[\w-]+\.[\w-]+"', client.get("/embed/news-flash.js").text
    )


def test_what_is_surely_a_bots_is_held_without_a_step(app, client):
    answer = _post(client, {**ENTERED, "form_token": "forged.token"})
    assert answer.status_code == 303
    assert client.get(answer.location).status_code == 200
    with app.app_context():
        held = db.session.execute(select(HeldSignup)).scalar_one()
        assert held.reasons == ["disposable_domain", "form_token_forged"]
    assert _count(app, Subscriber) == 0
