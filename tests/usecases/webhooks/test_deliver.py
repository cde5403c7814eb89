"""Events reach their receiver at least once, signed, whatever the receiver does meanwhile."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from pytest_httpserver import HTTPServer
from sqlalchemy import delete, update
from werkzeug import Request, Response

from service.clock import utc_now
from service.domain.delivery.retry import GIVE_UP_AFTER
from service.domain.webhooks.event import KEEP, DeliveryStatus, EventType
from service.store.tables.people import Subscriber
from service.store.tables.webhooks import Webhook, WebhookDelivery
from service.store.webhooks import deliveries, receivers
from service.store.webhooks.receivers import Change
from service.usecases.webhooks.deliver import LEASE, LONGEST_CALL, DeliverWebhooks
from service.usecases.webhooks.slots import Sizes
from tests.mail.raw import Peer, RawServer, hang, trickle
from tests.usecases.webhooks.conftest import ADA, Receiver, Service

PATIENCE = 30.0
"""Longer than anything here takes: what waits so long has failed."""
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def test_an_event_arrives_signed_and_once(service: Service, receiver: Receiver) -> None:
    service.hook(receiver.url)
    service.sign_up()
    service.confirm()
    teller = service.teller()
    assert teller.next_due_at() is not None
    assert teller.run_due(10) == 1
    assert teller.run_due(10) == 0
    assert teller.next_due_at() is None
    (event,) = receiver.verified(SECRET)
    (delivery,) = service.deliveries()
    assert event == {
        "type": "subscription.confirmed",
        "timestamp": delivery.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "data": {
            "subscriber_id": str(service.subscriber_id()),
            "email": ADA,
            "list": "news-flash",
        },
    }
    assert receiver.requests[0].headers["webhook-id"] == str(delivery.event_id)
    assert receiver.requests[0].headers["Host"] == f"localhost:{receiver.server.port}"
    assert (delivery.status, delivery.attempts, delivery.last_status) == ("delivered", 1, 204)
    (attempt,) = service.attempts()
    assert (attempt.status_code, attempt.error) == (204, None)


def test_leaving_says_why(service: Service, receiver: Receiver) -> None:
    service.hook(receiver.url, "subscription.unsubscribed")
    service.sign_up()
    service.confirm()
    service.leave(one_click=True)
    service.teller().run_due(10)
    (event,) = receiver.verified(SECRET)
    assert event["data"] == {
        "subscriber_id": str(service.subscriber_id()),
        "email": ADA,
        "list": "news-flash",
        "reason": "one_click",
    }


def test_of_an_erased_person_only_the_id_is_told(service: Service, receiver: Receiver) -> None:
    service.hook(receiver.url)
    service.sign_up()
    service.confirm()
    subscriber_id = service.subscriber_id()
    with service.engine.begin() as connection:
        change = Change(subscriber_id=subscriber_id, at=utc_now())
        receivers.enqueue(connection, EventType.ERASED, [change])
        connection.execute(delete(Subscriber).where(Subscriber.id == subscriber_id))
    assert service.teller().run_due(10) == 2
    (event,) = receiver.verified(SECRET)
    assert event["type"] == "subscriber.erased"
    assert event["data"] == {"subscriber_id": str(subscriber_id)}
    assert [row.status for row in service.deliveries()] == ["withheld", "delivered"]


def test_an_error_is_told_again_with_the_same_id(service: Service, receiver: Receiver) -> None:
    service.hook(receiver.url)
    service.sign_up()
    service.confirm()
    receiver.answers.append(Response("no", 500))
    teller = service.teller()
    assert teller.run_due(10) == 1
    (delivery,) = service.deliveries()
    assert (delivery.status, delivery.last_error) == ("queued", "http_500")
    assert service.webhook().failures == 1
    assert service.webhook().paused_until > utc_now()
    assert teller.run_due(10) == 0  # its pause is not over
    service.make_due()
    assert teller.run_due(10) == 1
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.get_data() == second.get_data()
    assert service.deliveries()[0].status == "delivered"
    assert service.webhook().failures == 0
    assert [(row.status_code, row.error) for row in service.attempts()] == [
        (500, "http_500"),
        (204, None),
    ]


def test_gone_disables_the_webhook(service: Service, receiver: Receiver) -> None:
    id_ = service.hook(receiver.url).info.id
    service.sign_up()
    service.confirm()
    receiver.answers.append(Response(status=410))
    teller = service.teller()
    teller.run_due(10)
    assert service.deliveries()[0].status == "failed"
    assert (service.webhook().is_enabled, service.webhook().disabled_reason) == (False, "gone")
    assert teller.run_due(10) == 0
    view = service.services.webhooks.update(id_, {"is_enabled": True}, actor="test")
    assert (view.info.is_enabled, view.info.disabled_reason) == (True, None)


def test_a_redirect_is_not_followed(service: Service, receiver: Receiver) -> None:
    service.hook(receiver.url)
    service.sign_up()
    service.confirm()
    receiver.answers.append(Response(status=307, headers={"Location": receiver.url}))
    service.teller().run_due(10)
    assert len(receiver.requests) == 1
    assert service.deliveries()[0].last_error == "http_307"


def test_a_long_answer_is_not_read(service: Service, receiver: Receiver) -> None:
    service.hook(receiver.url)
    service.sign_up()
    service.confirm()
    receiver.answers.append(Response(b"x" * 10_000_000, 200))
    service.teller().run_due(10)
    assert service.deliveries()[0].status == "delivered"


def trickle_head(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not peer.ended.wait(0.02):
        peer.send(b"x")


@pytest.mark.parametrize("script", [hang, trickle_head])
def test_a_receiver_that_hangs_is_given_up_in_time(service: Service, script: object) -> None:
    with RawServer([script]) as server:  # type: ignore[list-item]
        service.hook(f"http://{server.host}/")
        service.sign_up()
        service.confirm()
        service.teller(total_seconds=0.3).run_due(10)
    (attempt,) = service.attempts()
    assert (attempt.status_code, attempt.error) == (None, "timeout")
    assert attempt.duration_ms < PATIENCE * 1000
    assert service.deliveries()[0].status == "queued"


def test_a_status_counts_even_if_its_body_never_ends(service: Service) -> None:
    with RawServer([trickle]) as server:
        service.hook(f"http://{server.host}/")
        service.sign_up()
        service.confirm()
        service.teller(total_seconds=0.3).run_due(10)
    assert service.deliveries()[0].status == "delivered"


def test_nobody_there_is_told_again(service: Service) -> None:
    service.hook("http://127.0.0.1:1/")
    service.sign_up()
    service.confirm()
    service.teller().run_due(10)
    assert service.deliveries()[0].last_error == "connection_broken"


def test_after_three_days_an_event_has_failed(service: Service, receiver: Receiver) -> None:
    service.hook(receiver.url)
    service.sign_up()
    service.confirm()
    with service.engine.begin() as connection:
        connection.execute(update(WebhookDelivery).values(created_at=utc_now() - GIVE_UP_AFTER))
    receiver.answers.append(Response(status=503))
    service.teller().run_due(10)
    assert service.deliveries()[0].status == "failed"


def many(service: Service, webhook_id: UUID, count: int) -> None:
    """Owe that many events to one webhook alone."""
    with service.engine.begin() as connection:
        connection.execute(update(Webhook).values(is_enabled=Webhook.id == webhook_id))
        service.forget_cached_types()
        changes = [Change(subscriber_id=webhook_id, at=utc_now()) for _ in range(count)]
        receivers.enqueue(connection, EventType.ERASED, changes)
        connection.execute(update(Webhook).values(is_enabled=True))
    service.forget_cached_types()


def test_a_busy_receiver_does_not_starve_another(service: Service, receiver: Receiver) -> None:
    busy = service.hook(receiver.url).info.id
    quiet = service.hook(receiver.url).info.id
    many(service, busy, 40)
    many(service, quiet, 2)
    assert service.teller().run_due(8) == 8
    done = [row.webhook_id for row in service.deliveries() if row.status == "delivered"]
    assert (done.count(busy), done.count(quiet)) == (6, 2)


def test_a_failing_receiver_gets_single_calls(service: Service, receiver: Receiver) -> None:
    many(service, service.hook(receiver.url).info.id, 20)
    teller = service.teller()
    assert teller.run_due(5) == 5
    receiver.answers += [Response(status=500) for _ in range(7)]
    assert 1 <= teller.run_due(5) <= 5  # as many as were under way at once
    service.make_due()
    assert teller.run_due(5) == 1
    service.make_due()
    assert service.teller().run_due(5) == 1


def test_what_a_lost_worker_had_is_due_when_its_lease_runs_out(
    service: Service, receiver: Receiver
) -> None:
    id_ = service.hook(receiver.url).info.id
    many(service, id_, 1)
    now = utc_now()
    with service.engine.begin() as connection:
        (lost,) = deliveries.claim(
            connection, id_, limit=5, now=now, lease_until=now + timedelta(seconds=60)
        )
    teller = service.teller()
    assert teller.run_due(5) == 0
    service.make_due()
    assert teller.run_due(5) == 1
    # What the lost worker says afterwards counts for nothing.
    with service.engine.begin() as connection:
        is_ours = deliveries.settle(
            connection,
            lost,
            None,
            deliveries.WebhookSettlement(
                status=DeliveryStatus.QUEUED,
                next_attempt_at=now,
                receiver=deliveries.Receiver(failures=9, paused_until=now),
                disabled_reason="gone",
            ),
            now=now,
        )
    assert not is_ours
    assert service.deliveries()[0].status == "delivered"
    assert (service.webhook().failures, service.webhook().is_enabled) == (0, True)


def test_several_workers_tell_each_event_once(service: Service, receiver: Receiver) -> None:
    many(service, service.hook(receiver.url).info.id, 60)
    tellers = [service.teller(total_seconds=10.0) for _ in range(3)]

    def drain(place: int) -> int:
        total = 0
        while done := tellers[place].run_due(8):
            total += done
        return total

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(drain, range(3))) == 60
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(ids) == len(set(ids)) == 60


def test_a_webhook_that_is_removed_takes_what_is_owed_along(
    service: Service, receiver: Receiver
) -> None:
    id_ = service.hook(receiver.url).info.id
    many(service, id_, 3)
    receiver.answers.append(Response(status=500))
    service.teller().run_due(1)
    service.services.webhooks.delete(id_, actor="test")
    assert service.deliveries() == []
    assert service.attempts() == []
    assert service.teller().run_due(10) == 0


class Hanging:
    """A receiver that answers nobody until it is let go."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.let_go = threading.Event()
        self.ids: list[str] = []

    def take(self, request: Request) -> Response:
        self.ids.append(request.headers["webhook-id"])
        self.asked.release()
        self.let_go.wait(PATIENCE)
        return Response(status=204)


@pytest.fixture
def hanging() -> Iterator[tuple[str, Hanging]]:
    made = Hanging()
    with HTTPServer(threaded=True) as server:
        server.expect_request("/hang", method="POST").respond_with_handler(made.take)
        yield server.url_for("/hang"), made
        made.let_go.set()


@contextmanager
def at_work(*tellers: DeliverWebhooks) -> Iterator[None]:
    """Run workers until the block ends."""
    stop = threading.Event()
    with ThreadPoolExecutor(len(tellers)) as pool:
        running = [pool.submit(teller.run, stop) for teller in tellers]
        try:
            yield
        finally:
            stop.set()
        for each in running:
            each.result()


def test_receivers_that_hang_delay_no_other(
    service: Service, receiver: Receiver, hanging: tuple[str, Hanging]
) -> None:
    """More of them than the slots for new ones, and two workers; nothing is told twice."""
    url, hung = hanging
    for _ in range(Sizes().new + 2):
        many(service, service.hook(url).info.id, 2)
    told = threading.Semaphore(0)
    receiver.told = told.release
    good = service.hook(receiver.url).info.id
    with at_work(service.teller(total_seconds=PATIENCE), service.teller(total_seconds=PATIENCE)):
        for _ in range(Sizes().new):
            assert hung.asked.acquire(timeout=PATIENCE)
        many(service, good, 30)
        for _ in range(30):
            assert told.acquire(timeout=PATIENCE)
        assert not hung.let_go.is_set()
        hung.let_go.set()
    ids = [*hung.ids, *(request.headers["webhook-id"] for request in receiver.requests)]
    assert len(ids) == len(set(ids))
    done = [row.status for row in service.deliveries() if row.webhook_id == good]
    assert done == ["delivered"] * 30


def test_no_more_is_claimed_than_is_called(service: Service, hanging: tuple[str, Hanging]) -> None:
    url, hung = hanging
    many(service, service.hook(url).info.id, 64)
    with at_work(service.teller(total_seconds=PATIENCE), service.teller(total_seconds=PATIENCE)):
        for _ in range(2):  # one each, for nobody knows the receiver yet
            assert hung.asked.acquire(timeout=PATIENCE)
        assert sum(row.attempts for row in service.deliveries()) == 2
        hung.let_go.set()


def test_a_lease_lasts_longer_than_a_call() -> None:
    assert LEASE > 2 * LONGEST_CALL


def test_nobody_is_called_on_a_lease_that_is_too_short(
    service: Service, receiver: Receiver
) -> None:
    """A process that was suspended between the claim and the call leaves it to another."""
    id_ = service.hook(receiver.url).info.id
    many(service, id_, 1)
    now = utc_now()
    with service.engine.begin() as connection:
        (late,) = deliveries.claim(
            connection, id_, limit=5, now=now, lease_until=now + LONGEST_CALL / 2
        )
    assert service.teller()._deliver(late) is None
    assert receiver.requests == []


def test_calls_that_fail_together_count_once(service: Service, receiver: Receiver) -> None:
    """One outage pauses a receiver for a second, however many calls it cost."""
    id_ = service.hook(receiver.url).info.id
    many(service, id_, 4)
    receiver.answers += [Response(status=500) for _ in range(4)]
    now = utc_now()
    with service.engine.begin() as connection:
        claimed = deliveries.claim(connection, id_, limit=4, now=now, lease_until=now + LEASE)
    teller = service.teller()
    with time_machine.travel(now, tick=False):
        for delivery in claimed:
            teller._deliver(delivery)
    assert service.webhook().failures == 1
    assert {row.last_error for row in service.deliveries()} == {"http_500"}


def test_what_is_old_is_forgotten(service: Service, receiver: Receiver) -> None:
    many(service, service.hook(receiver.url).info.id, 1)
    teller = service.teller()
    teller.run_due(1)
    teller.forget_old()
    assert len(service.deliveries()) == len(service.attempts()) == 1
    with time_machine.travel(utc_now() + KEEP + timedelta(days=1), tick=False):
        teller.forget_old()
    assert service.deliveries() == service.attempts() == []
