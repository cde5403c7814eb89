"""A receiver of events, and a service that owes them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import Engine, Row, select, update
from standardwebhooks.webhooks import Webhook as Verifier
from werkzeug import Request, Response

from service.clock import utc_now
from service.domain.consent import Evidence
from service.domain.webhooks.event import EventType
from service.services import Services
from service.store.database import reading
from service.store.delivery.outbox import scope_of
from service.store.lists.lists import get_by_slug
from service.store.tables.delivery import OutboxMessage
from service.store.tables.people import Subscriber
from service.store.tables.webhooks import Webhook, WebhookAttempt, WebhookDelivery
from service.store.webhooks import receivers as store
from service.tokens import Tokens
from service.usecases.signup.subscribe import SignupRequest
from service.usecases.webhooks.deliver import DeliverWebhooks
from service.usecases.webhooks.receivers import WebhookView
from service.webhooks.call import Call

ADA = "ada@example.org"


@dataclass
class Receiver:
    """A server that keeps what it was told, and answers as it is bidden, in the end with 204."""

    server: HTTPServer
    requests: list[Request] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)
    told: Callable[[], object] = lambda: None
    """Called for each request."""

    @property
    def url(self) -> str:
        return self.server.url_for("/hook?key=1")

    def take(self, request: Request) -> Response:
        request.get_data(cache=True)
        self.requests.append(request)
        self.told()
        return self.answers.pop(0) if self.answers else Response(status=204)

    def verified(self, secret: str) -> list[dict[str, Any]]:
        """What came in, each verified by the library that receivers use."""
        return [
            Verifier(secret).verify(request.get_data(), dict(request.headers.items()))
            for request in self.requests
        ]


@pytest.fixture
def receiver(httpserver: HTTPServer) -> Iterator[Receiver]:
    made = Receiver(httpserver)
    httpserver.expect_request("/hook", method="POST").respond_with_handler(made.take)
    yield made
    httpserver.check_assertions()


@dataclass
class Service:
    """What a person does, and what is owed for it."""

    services: Services
    engine: Engine

    def hook(self, url: str, *events: str, list_slug: str | None = None) -> WebhookView:
        """Make a webhook, to this machine too."""
        with self.engine.begin() as connection:
            found = get_by_slug(connection, list_slug) if list_slug else None
            webhook_id = store.insert_webhook(
                connection,
                url=url,
                secret="whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
                events=[EventType(each) for each in events] or list(EventType),
                mailing_list_id=found.id if found else None,
                at=utc_now(),
            )
        self.forget_cached_types()
        return self.services.webhooks.get(webhook_id)

    def forget_cached_types(self) -> None:
        """The use cases have an engine of their own."""
        for engine in (self.engine, self.services.webhooks._engine):
            store.forget_cached_types(engine)

    def sign_up(self, email: str = ADA, *lists: str) -> None:
        self.services.subscribe(SignupRequest(email=email, lists=lists, evidence=Evidence()))

    def link(self, purpose: str, email: str = ADA) -> str:
        tokens = Tokens.from_keys(self.services.settings.secret_keys)
        row = self.rows(
            select(OutboxMessage.__table__)
            .join(Subscriber, Subscriber.id == OutboxMessage.subscriber_id)
            .where(Subscriber.email == email)
            .order_by(OutboxMessage.id.desc())
        )[0]
        scope = scope_of(row.subscriber_id, row.refs)
        token: str = getattr(tokens, purpose).issue(scope, at=row.created_at)
        return token

    def confirm(self, email: str = ADA) -> None:
        self.services.confirm.act(self.link("confirm", email), Evidence())

    def leave(self, email: str = ADA, *, one_click: bool = False) -> str | None:
        return self.services.unsubscribe.act(
            self.link("unsubscribe", email), Evidence(), one_click=one_click
        ).undo_token

    def subscriber_id(self, email: str = ADA) -> UUID:
        id_: UUID = self.rows(select(Subscriber.id).where(Subscriber.email == email))[0][0]
        return id_

    def rows(self, query: Any) -> list[Row[Any]]:
        with reading(self.engine) as connection:
            return list(connection.execute(query))

    def deliveries(self) -> list[Row[Any]]:
        table = WebhookDelivery.__table__
        return self.rows(select(table).order_by(table.c.created_at, table.c.event_id))

    def attempts(self) -> list[Row[Any]]:
        return self.rows(select(WebhookAttempt.__table__).order_by(WebhookAttempt.id))

    def webhook(self) -> Row[Any]:
        return self.rows(select(Webhook.__table__))[0]

    def make_due(self) -> None:
        """Let every pause be over."""
        with self.engine.begin() as connection:
            connection.execute(update(Webhook).values(paused_until=None))
            connection.execute(
                update(WebhookDelivery)
                .where(WebhookDelivery.status == "queued")
                .values(next_attempt_at=utc_now())
            )

    def teller(self, **changes: Any) -> DeliverWebhooks:
        given: dict[str, Any] = {"allow_private": True, "total_seconds": 10.0, **changes}
        return DeliverWebhooks(self.engine, call=Call(**given))


@pytest.fixture
def service(services: Services, engine: Engine) -> Service:
    return Service(services, engine)
