"""Who is on a list cannot be told: not by status, headers, body or the work that is done."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from service.domain.consent import Evidence
from service.domain.signup.risk import TRAPPED
from service.domain.subscription import WITHHELD_A_DAY
from service.store.tables.base import db
from service.usecases.signup.subscribe import SignupRequest
from tests.scenario import NOON, Scenario, counted

KINDS = (
    *("stranger", "pending", "confirmed", "left", "suppressed", "erased", "held", "bounced"),
    "repeated",
)
FORM = "/subscribe/news-flash"


def be(scenario: Scenario, kind: str) -> str:
    """Bring an address into a state; all are of one length."""
    email = f"{kind:x<12}@example.org"
    if kind == "held":
        request = SignupRequest(email=email, evidence=Evidence())
        scenario.services.subscribe(request, risk=TRAPPED)
    elif kind != "stranger":
        scenario.sign_up(email)
    if kind == "repeated":
        for _ in range(WITHHELD_A_DAY + 2):
            scenario.sign_up(email)
    if kind in ("confirmed", "left", "suppressed", "bounced"):
        scenario.confirm(email)
    if kind == "left":
        scenario.leave(email)
    elif kind == "suppressed":
        scenario.suppress(email, "complaint")
    elif kind == "bounced":
        scenario.suppress(email, "hard_bounce")
        scenario.end(email, "hard_bounce")
    elif kind == "erased":
        scenario.erase(email)
        scenario.suppress(email, "erased")
    return email


def shape(body: str) -> str:
    """Return a body without what is each request's own: tokens and nonces, by their length."""
    return re.sub(r"[\w-]{16,}(\.[\w-]{43})?", lambda found: "x" * len(found[0]), body)


@pytest.mark.parametrize("way", ["json", "form", "embedded"])
def test_every_state_gives_one_answer_for_one_amount_of_work(
    scenario: Scenario, app: Flask, client: FlaskClient, way: str
) -> None:
    with app.app_context():
        engine = db.engine
    seen = {}
    with time_machine.travel(NOON, tick=False) as clock:
        emails = {kind: be(scenario, kind) for kind in KINDS}
        clock.shift(timedelta(hours=1))
        for _ in range(2):  # the first compiles templates, the second reads lists and texts
            client.get(FORM)  # which are kept for two seconds
        for kind, email in emails.items():
            with counted(engine) as statements:
                if way == "json":
                    answer = client.post("/v1/subscriptions", json={"email": email})
                else:
                    accept = "application/json" if way == "embedded" else "text/html"
                    answer = client.post(FORM, data={"email": email}, headers={"Accept": accept})
            headers = sorted((name, shape(value)) for name, value in answer.headers)
            page = ""
            if way == "form":
                shown = client.get(answer.location)
                page = shape(shown.text)
                assert shown.status_code == 200
            seen[kind] = (answer.status_code, headers, shape(answer.text), statements, page)
    for kind in KINDS[1:]:
        assert seen[kind] == seen["stranger"], kind
    assert "example.org" not in json.dumps(seen["stranger"])


def test_links_of_people_who_are_gone_tell_nothing_of_who_is_there(
    scenario: Scenario, client: FlaskClient
) -> None:
    gone, there = be(scenario, "pending"), be(scenario, "confirmed")
    link, forged = scenario.unsubscribe_link(gone), scenario.unsubscribe_link(there)[:-1] + "-"
    scenario.erase(gone)
    answer = client.post(f"/unsubscribe/{link}", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert client.post(f"/unsubscribe/{forged}").status_code == 404
