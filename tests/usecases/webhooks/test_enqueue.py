"""Which events are owed, to whom, and that owing is part of the change itself."""

import io
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from service.clock import utc_now
from service.domain.consent import Evidence
from service.domain.files.exchange import FileFormat
from service.domain.webhooks.event import EventType
from service.store.tables.webhooks import WebhookDelivery
from service.store.webhooks import receivers as store
from service.store.webhooks.deliveries import WEBHOOK_DELIVERIES
from service.store.webhooks.receivers import Change
from service.usecases.files.import_subscribers import ImportOptions
from service.usecases.removal import remove_old
from tests.usecases.webhooks.conftest import ADA, Service

URL = "https://example.org/hook"


def owed(service: Service) -> list[tuple[str, str | None]]:
    return [(row.type, row.reason) for row in service.deliveries()]


def test_confirming_leaving_and_coming_back_are_owed(service: Service) -> None:
    service.hook(URL)
    service.sign_up()
    service.confirm()
    undo = service.leave()
    assert undo is not None
    service.services.unsubscribe.undo(undo, Evidence())
    assert owed(service) == [
        ("subscription.confirmed", None),
        ("subscription.unsubscribed", "unsubscribed"),
        ("subscription.confirmed", "resumed"),
    ]
    assert {row.subscriber_id for row in service.deliveries()} == {service.subscriber_id()}


def test_a_one_click_is_told_as_such_and_its_answer_offers_nothing(service: Service) -> None:
    service.hook(URL)
    service.sign_up()
    service.confirm()
    assert service.leave(one_click=True) is None
    assert owed(service)[1:] == [("subscription.unsubscribed", "one_click")]


def test_a_link_that_changes_nothing_owes_nothing(service: Service) -> None:
    service.hook(URL)
    service.sign_up()
    service.confirm()
    service.confirm()
    service.leave()
    service.leave()
    assert len(owed(service)) == 2


def test_who_never_confirmed_is_not_told_of(service: Service) -> None:
    service.hook(URL)
    service.sign_up()
    service.leave()
    assert owed(service) == []


def test_each_webhook_hears_what_it_asked_for(service: Service) -> None:
    service.services.lists.create(slug="other", name="Other", actor="test")
    only_leaving = service.hook(URL, "subscription.unsubscribed").info.id
    only_other = service.hook(URL, list_slug="other").info.id
    everything = service.hook(URL).info.id
    service.sign_up()
    service.confirm()
    service.leave()
    by_hook = {
        id_: [row.type for row in service.deliveries() if row.webhook_id == id_]
        for id_ in (only_leaving, only_other, everything)
    }
    assert by_hook == {
        only_leaving: ["subscription.unsubscribed"],
        only_other: [],
        everything: ["subscription.confirmed", "subscription.unsubscribed"],
    }


def test_one_event_has_one_id_for_all_webhooks(service: Service) -> None:
    service.hook(URL)
    service.hook(URL)
    service.sign_up()
    service.confirm()
    first, second = service.deliveries()
    assert first.event_id == second.event_id


def test_a_disabled_webhook_is_owed_nothing(service: Service) -> None:
    id_ = service.hook(URL).info.id
    service.services.webhooks.update(id_, {"is_enabled": False}, actor="test")
    service.forget_cached_types()
    service.sign_up()
    service.confirm()
    assert owed(service) == []


def test_a_webhook_of_one_list_hears_of_the_subscribers_that_are_on_it(service: Service) -> None:
    service.services.lists.create(slug="other", name="Other", actor="test")
    theirs = service.hook(URL, list_slug="news-flash").info.id
    service.hook(URL, list_slug="other")
    service.sign_up()
    change = Change(subscriber_id=service.subscriber_id(), at=utc_now(), reason="hard_bounce")
    with service.engine.begin() as connection:
        store.enqueue(connection, EventType.BOUNCED, [change])
    (row,) = service.deliveries()
    assert (row.webhook_id, row.type, row.reason) == (theirs, "subscriber.bounced", "hard_bounce")


def test_what_is_rolled_back_is_not_owed(service: Service) -> None:
    service.hook(URL)
    service.sign_up()
    change = Change(subscriber_id=service.subscriber_id(), at=utc_now())
    with service.engine.connect() as connection, connection.begin() as transaction:
        store.enqueue(connection, EventType.ERASED, [change])
        transaction.rollback()
    assert service.deliveries() == []


@pytest.mark.parametrize(("hooks", "statements"), [(0, 0), (2, 1)])
def test_a_group_costs_one_statement_and_none_without_webhooks(
    service: Service, hooks: int, statements: int
) -> None:
    for _ in range(hooks):
        service.hook(URL)
    changes = [
        Change(subscriber_id=service_id, at=utc_now())
        for service_id in [service.services.lists.default().id] * 64
    ]
    with service.engine.begin() as connection:
        store.enqueue(connection, EventType.ERASED, [])  # looks whether there are webhooks
        seen: list[str] = []
        event.listen(
            connection, "before_cursor_execute", lambda _c, _cur, sql, *_: seen.append(sql)
        )
        store.enqueue(connection, EventType.ERASED, changes)
    assert len(seen) == statements
    rows = service.rows(select(WebhookDelivery.event_id))
    assert len(rows) == 64 * hooks


def test_a_webhook_is_seen_at_once_where_it_was_made(service: Service) -> None:
    service.sign_up()
    service.confirm()  # looks, and finds none
    service.services.webhooks.create(url=URL, events=(), list_slug=None, actor="test")
    service.leave()
    assert [row.type for row in service.deliveries()] == ["subscription.unsubscribed"]


def test_no_address_is_written_down(service: Service) -> None:
    service.hook(URL)
    service.sign_up()
    service.confirm()
    deliveries = service.deliveries()
    assert deliveries
    assert not any(ADA in str(value) for row in deliveries for value in row)


def test_what_is_old_is_forgotten(service: Service) -> None:
    service.hook(URL)
    service.sign_up()
    service.confirm()
    remove_old(service.engine, WEBHOOK_DELIVERIES, before=utc_now() - timedelta(days=30))
    assert len(service.deliveries()) == 1
    remove_old(service.engine, WEBHOOK_DELIVERIES, before=utc_now() + timedelta(seconds=1))
    assert service.deliveries() == []


def test_a_confirmed_subscription_that_a_file_ends_is_told_of(service: Service) -> None:
    service.hook(URL)
    service.sign_up()
    service.confirm()
    service.sign_up("bob@example.org")
    ends = utc_now() + timedelta(seconds=1)

    def take(*, dry_run: bool = False) -> None:
        rows = [
            f"{email},unsubscribed,{ends.isoformat()}"
            for email in (ADA, "bob@example.org", "stranger@example.org")
        ]
        report = service.services.import_(
            io.BytesIO("\n".join(["email,status,ended_at", *rows]).encode()),
            format=FileFormat.CSV,
            actor="test",
            options=ImportOptions(dry_run=dry_run),
        )
        assert (report.imported, report.unchanged) in ((3, 0), (0, 3))

    take(dry_run=True)
    assert len(owed(service)) == 1
    take()
    take()
    assert owed(service)[1:] == [("subscription.unsubscribed", "imported")]
    assert {row.subscriber_id for row in service.deliveries()} == {service.subscriber_id()}
