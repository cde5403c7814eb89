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
from service.store.tables.core import Suppression
from tests.store.fakes import FakeProvider
from tests.store.test_deliver import make, run
from tests.store.world import ADA, NOON, World

HERE = Evidence()
BOB = "bob@example.org"


def erase(world: World, email: str = ADA) -> None:
    world.usecases.subscribers.erase(world.person(email).id, actor="test")


def suppressed(world: World) -> list[tuple[str, str | None]]:
    rows = world.rows(select(Suppression.reason, Suppression.email_key).order_by("reason"))
    return [(row.reason, row.email_key) for row in rows]


@pytest.fixture
def exported(world: World, client: FlaskClient) -> Callable[[str], str]:
    """Gives an export by its query."""
    key = world.usecases.keys.create("exports", "export", actor="test")

    def get(query: str) -> str:
        answer = client.get(
            f"/v1/subscribers/export?{query}", headers={"Authorization": f"Bearer {key}"}
        )
        return answer.get_data(as_text=True)

    return get


def mailed(world: World) -> Sequence[str]:
    provider = FakeProvider()
    run(make(world, provider))
    return provider.recipients


@pytest.mark.parametrize("way", ["link", "code"])
def test_confirming_anew_lifts_what_erasure_left(
    world: World, exported: Callable[[str], str], way: str
):
    with time_machine.travel(NOON, tick=False) as clock:
        world.sign_up()
        world.confirm()
        erase(world)
        assert suppressed(world) == [("erased", None)]
        clock.shift(timedelta(days=2))
        page = world.sign_up()
        assert mailed(world) == [ADA]
        assert suppressed(world) == [("erased", None)]
        if way == "link":
            world.confirm()
        else:
            world.usecases.confirm.by_code(page, world.code(), HERE)
        assert suppressed(world) == []
        clock.shift(timedelta(days=1))
        world.sign_up()
        assert world.owed()[-1] == "already_subscribed"
        assert mailed(world) == [ADA]
        assert ADA in exported("preset=listmonk")
        left_at = (NOON + timedelta(days=3, hours=12)).isoformat()
        clock.shift(timedelta(days=1))
        report = world.usecases.import_(
            io.BytesIO(f"email,status,ended_at\n{ADA},unsubscribed,{left_at}\n".encode()),
            format=FileFormat.CSV,
            actor="test",
        )
    assert (report.imported, report.problems) == (1, [])
    assert world.subscription().status == "unsubscribed"


def test_confirming_lifts_no_other_reason_and_nobody_elses(world: World):
    world.sign_up(BOB)
    erase(world, BOB)
    world.suppress(ADA, "complaint")
    world.suppress(ADA, "erased")
    world.sign_up()
    world.confirm()
    assert suppressed(world) == [("complaint", ADA), ("erased", None)]


def test_a_link_that_confirms_nothing_lifts_nothing(world: World):
    world.sign_up()
    link = world.confirm_link()
    world.usecases.confirm.act(link, HERE)
    world.suppress(ADA, "erased")
    world.usecases.confirm.act(link, HERE)
    assert suppressed(world) == [("erased", ADA)]


def test_an_address_suppressed_again_after_its_erasure_is_known_to_exports(
    world: World, exported: Callable[[str], str]
):
    world.sign_up()
    world.usecases.suppressions.add(ADA, note="by letter", actor="test")
    erase(world)
    assert suppressed(world) == [("erased", None), ("manual", None)]
    world.sign_up()
    world.usecases.suppressions.add(ADA, note="by phone", actor="test")
    assert suppressed(world) == [("erased", None), ("manual", ADA)]
    assert ADA in exported("status=pending")
    assert ADA not in exported("preset=listmonk&status=pending")
