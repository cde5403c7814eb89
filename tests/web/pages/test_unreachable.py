"""An address that no mail API carries: the page says so, for everyone's alike."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import time_machine
from flask import Flask
from sqlalchemy import Engine, update

from service.app import create_app, services_of
from service.config import Settings
from service.domain.consent import Evidence
from service.domain.signup.risk import Level, Reason, Risk
from service.store.tables.delivery import OutboxMessage
from service.usecases.links.views import MailProgress
from service.usecases.signup.subscribe import SignupRequest
from tests.scenario import NOON, Scenario

JORG, OTHER = "jörg@example.org", "zoë@example.org"


@pytest.fixture(params=["ses://k:s@default?region=eu-west-1", "smtp://mail.example.org"])
def mail_url(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def app(settings: Settings, mail_url: str) -> Iterator[Flask]:
    made = create_app(replace(settings, mail_urls=(mail_url,)))
    yield made
    services_of(made).close()


@pytest.fixture
def scenario(app: Flask, engine: Engine) -> Scenario:
    return Scenario.of(services_of(app), engine)


def give_up(scenario: Scenario, email: str) -> None:
    """Do as delivery does where the provider turns out not to carry such addresses."""
    with scenario.engine.begin() as connection:
        connection.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == scenario.messages(email)[-1].id)
            .values(
                status="failed",
                last_error="address_unsupported",
                provider=scenario.services.settings.mail_urls[0].partition(":")[0],
                settled_at=NOON,
            )
        )


def progress(scenario: Scenario, token: str) -> MailProgress:
    return scenario.services.signup_status(token).progress


def test_new_known_and_suppressed_people_see_the_same(scenario: Scenario, mail_url: str) -> None:
    with time_machine.travel(NOON, tick=False):
        new = scenario.sign_up(OTHER)
        give_up(scenario, OTHER)
        known = [scenario.sign_up(JORG), scenario.sign_up(JORG)]
        scenario.set_message(scenario.messages(JORG)[0].id, status="withheld")
        assert [row.status for row in scenario.messages(JORG)] == ["withheld", "withheld"]
        shown = [progress(scenario, token) for token in (new, *known)]
    assert shown == [MailProgress.UNREACHABLE] * 3


def test_a_signup_held_for_review_looks_the_same(scenario: Scenario, mail_url: str) -> None:
    with time_machine.travel(NOON, tick=False):
        scenario.sign_up(OTHER)
        give_up(scenario, OTHER)
        request = SignupRequest(email=JORG, lists=(), evidence=Evidence())
        risk = Risk(100, (Reason.TRAP,))
        assert risk.level is Level.HIGH
        token = scenario.services.subscribe(request, risk=risk)
        assert progress(scenario, token) is MailProgress.UNREACHABLE


def test_the_page_tells_to_use_another_address_and_asks_for_no_code(
    app: Flask, scenario: Scenario, mail_url: str
) -> None:
    with time_machine.travel(NOON, tick=False):
        token = scenario.sign_up(JORG)
        give_up(scenario, JORG)
        page = app.test_client().get(f"/status/{token}").get_data(as_text=True)
    assert "send email to this address" in page
    assert "sign up with another address" in page
    assert 'name="code"' not in page
    assert "refresh" not in page


def test_an_address_in_ascii_is_not_concerned(scenario: Scenario, mail_url: str) -> None:
    with time_machine.travel(NOON, tick=False):
        scenario.sign_up(JORG)
        give_up(scenario, JORG)
        for email in ("ada@example.org", "ada@bücher.example.org"):
            assert progress(scenario, scenario.sign_up(email)) is MailProgress.SENT


def test_what_was_learned_of_a_server_is_forgotten_after_a_day(
    scenario: Scenario, mail_url: str
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up(OTHER)
        give_up(scenario, OTHER)
        clock.shift(25 * 3600)
        shown = progress(scenario, scenario.sign_up(JORG))
    is_known_beforehand = mail_url.startswith("ses")
    assert shown is (MailProgress.UNREACHABLE if is_known_beforehand else MailProgress.SENT)


def test_a_mail_that_was_accepted_is_on_its_way(scenario: Scenario, mail_url: str) -> None:
    """By a provider that was set before."""
    with time_machine.travel(NOON, tick=False):
        token = scenario.sign_up(JORG)
        scenario.set_message(scenario.messages(JORG)[0].id, status="accepted")
        assert progress(scenario, token) is MailProgress.SENT
