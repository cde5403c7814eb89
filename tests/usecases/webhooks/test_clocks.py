"""An event that one machine delivers is not delivered by another whose clock is ahead."""

import pytest
from sqlalchemy.engine import URL

from tests.clocks import machine
from tests.usecases.webhooks.conftest import Receiver, Service


@pytest.fixture
def database_url(postgres_url: URL) -> URL:
    """Only PostgreSQL has a clock of its own."""
    return postgres_url


@pytest.mark.parametrize(("first", "second"), [(-60, 60), (60, -60), (0, 60), (-60, 0)])
def test_a_lease_lasts_as_long_for_every_machine(
    service: Service, receiver: Receiver, first: float, second: float
) -> None:
    def ask_another() -> None:
        with machine(second, service.engine):
            assert service.teller().run_due(10) == 0

    receiver.told = ask_another
    with machine(first, service.engine):
        service.hook(receiver.url)
        service.sign_up()
        service.confirm()
        assert service.teller().run_due(10) == 1
    with machine(second, service.engine):
        assert service.teller().run_due(10) == 0
    assert len(receiver.requests) == 1
