"""What providers report is owed to webhooks too."""

from uuid import UUID

import pytest
from sqlalchemy import select

from service.clock import utc_now
from service.domain.delivery.feedback import EventKind, ProviderEvent
from service.store.tables.delivery import OutboxMessage
from tests.usecases.webhooks.conftest import Service

URL = "https://example.org/hook"


def report(service: Service, kind: EventKind, event_id: str = "e1") -> None:
    message_id: UUID = service.rows(select(OutboxMessage.id))[0][0]
    event = ProviderEvent(event_id=event_id, kind=kind, at=utc_now(), message_id=message_id)
    service.services.feedback("postmark", [event])


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (EventKind.HARD_BOUNCE, "subscriber.bounced"),
        (EventKind.COMPLAINT, "subscriber.complained"),
    ],
)
def test_a_suppressed_address_and_its_ended_subscription_are_told(
    service: Service, kind: EventKind, type_: str
) -> None:
    service.sign_up()
    service.confirm()
    service.hook(URL)
    report(service, kind)
    report(service, kind)
    owed = {(row.type, row.reason) for row in service.deliveries()}
    assert owed == {(type_, kind.value), ("subscription.unsubscribed", kind.value)}
    assert len(service.deliveries()) == 2


def test_leaving_at_the_provider_is_leaving(service: Service) -> None:
    service.sign_up()
    service.confirm()
    service.hook(URL)
    report(service, EventKind.UNSUBSCRIBED)
    (row,) = service.deliveries()
    assert (row.type, row.reason) == ("subscription.unsubscribed", "provider_unsubscribe")


def test_what_changes_nothing_is_not_told(service: Service) -> None:
    service.sign_up()
    service.hook(URL)
    report(service, EventKind.SOFT_BOUNCE)
    report(service, EventKind.DELIVERED, "e2")
    assert service.deliveries() == []
