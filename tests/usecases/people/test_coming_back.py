"""Who was erased and confirms a new signup gets mail again, and files agree on that."""

import io
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select

from service.domain.consent import Evidence
from service.domain.files.exchange import FileFormat
from service.store.tables.people import Suppression
from tests.fakes import FakeProvider
from tests.scenario import ADA, NOON, Scenario
from tests.usecases.delivery.test_deliver import make, run

HERE = Evidence()
BOB = "bob@example.org"


def erase(scenario: Scenario, email: str = ADA) -> None:
    scenario.services.subscribers.erase(scenario.person(email).id, actor="test")


def suppressed(scenario: Scenario) -> list[tuple[str, str | None]]:
    rows = scenario.rows(select(Suppression.reason, Suppression.email_key).order_by("reason"))
    return [(row.reason, row.email_key) for row in rows]


@pytest.fixture
def exported(scenario: Scenario, client: FlaskClient) -> Callable[[str], str]:
    """Gives an export by its query."""
    key = scenario.services.keys.create("exports", "export", actor="test")

    def get(query: str) -> str:
        answer = client.get(
            f"/v1/subscribers/export?{query}", headers={"Authorization": f"Bearer {key}"}
        )
        return answer.get_data(as_text=True)

    return get


def mailed(scenario: Scenario) -> Sequence[str]:
    provider = FakeProvider()
    run(make(scenario, provider))
    return provider.recipients


@pytest.mark.parametrize("way", ["link", "code"])
def test_confirming_anew_lifts_what_erasure_left(
    scenario: Scenario, exported: Callable[[str], str], way: str
):
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        scenario.confirm()
        erase(scenario)
        assert suppressed(scenario) == [("erased", None)]
        clock.shift(timedelta(days=2))
        page = scenario.sign_up()
        assert mailed(scenario) == [ADA]
        assert suppressed(scenario) == [("erased", None)]
        if way == "link":
            scenario.confirm()
        else:
            scenario.services.confirm.by_code(page, scenario.code(), HERE)
        assert suppressed(scenario) == []
        clock.shift(timedelta(days=1))
        scenario.sign_up()
        assert scenario.owed()[-1] == "already_subscribed"
        assert mailed(scenario) == [ADA]
        assert ADA in exported("preset=listmonk")
        left_at = (NOON + timedelta(days=3, hours=12)).isoformat()
        clock.shift(timedelta(days=1))
        report = scenario.services.import_(
            io.BytesIO(f"email,status,ended_at\n{ADA},unsubscribed,{left_at}\n".encode()),
            format=FileFormat.CSV,
            actor="test",
        )
    assert (report.imported, report.problems) == (1, [])
    assert scenario.subscription().status == "unsubscribed"


def test_confirming_lifts_no_other_reason_and_nobody_elses(scenario: Scenario):
    scenario.sign_up(BOB)
    erase(scenario, BOB)
    scenario.suppress(ADA, "complaint")
    scenario.suppress(ADA, "erased")
    scenario.sign_up()
    scenario.confirm()
    assert suppressed(scenario) == [("complaint", ADA), ("erased", None)]


def test_a_link_that_confirms_nothing_lifts_nothing(scenario: Scenario):
    scenario.sign_up()
    link = scenario.confirm_link()
    scenario.services.confirm.act(link, HERE)
    scenario.suppress(ADA, "erased")
    scenario.services.confirm.act(link, HERE)
    assert suppressed(scenario) == [("erased", ADA)]


def test_an_address_suppressed_again_after_its_erasure_is_known_to_exports(
    scenario: Scenario, exported: Callable[[str], str]
):
    scenario.sign_up()
    scenario.services.suppressions.add(ADA, note="by letter", actor="test")
    erase(scenario)
    assert suppressed(scenario) == [("erased", None), ("manual", None)]
    scenario.sign_up()
    scenario.services.suppressions.add(ADA, note="by phone", actor="test")
    assert suppressed(scenario) == [("erased", None), ("manual", ADA)]
    assert ADA in exported("status=pending")
    assert ADA not in exported("preset=listmonk&status=pending")
