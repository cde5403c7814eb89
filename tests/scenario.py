"""One service on one fresh database, seen from below: rows, links, and a clock that stands."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, Row, delete, event, insert, select, update

from service.clock import utc_now
from service.domain.address import address_hash, parse_address
from service.domain.consent import Evidence
from service.domain.subscription import LinkScope
from service.services import Services
from service.store.database import reading
from service.store.delivery.outbox import scope_of
from service.store.tables.delivery import OutboxMessage
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscriber, Subscription, Suppression
from service.tokens import Tokens
from service.usecases.signup.subscribe import SignupRequest

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA = "ada@example.org"


@dataclass(frozen=True, slots=True)
class Scenario:
    services: Services
    engine: Engine
    tokens: Tokens

    @classmethod
    def of(cls, services: Services, engine: Engine) -> "Scenario":
        return cls(services, engine, Tokens.from_keys(services.settings.secret_keys))

    def make_lists(self, *slugs: str) -> None:
        for slug in slugs:
            self.services.lists.create(slug=slug, name=slug.title(), actor="test")

    def list_id(self, slug: str = "news-flash") -> UUID:
        return self.services.lists.get(slug).id

    def sign_up(
        self,
        email: str = ADA,
        *lists: str,
        name: str | None = None,
        attributes: dict[str, Any] | None = None,
        evidence: Evidence | None = None,
    ) -> str:
        return self.services.subscribe(
            SignupRequest(
                email=email,
                lists=lists,
                name=name,
                attributes=attributes,
                evidence=evidence or Evidence(),
            )
        )

    def person(self, email: str = ADA) -> Row[Any]:
        key = parse_address(email).key
        return self.rows(select(Subscriber.__table__).where(Subscriber.email_key == key))[0]

    def subscription(self, email: str = ADA, slug: str = "news-flash") -> Row[Any]:
        return self.rows(
            select(Subscription.__table__).where(
                Subscription.subscriber_id == self.person(email).id,
                Subscription.mailing_list_id == self.list_id(slug),
            )
        )[0]

    def messages(self, email: str = ADA) -> list[Row[Any]]:
        """All messages to the address, oldest first."""
        return self.rows(
            select(OutboxMessage.__table__)
            .where(OutboxMessage.subscriber_id == self.person(email).id)
            .order_by(OutboxMessage.created_at, OutboxMessage.id)
        )

    def owed(self, email: str = ADA) -> list[str]:
        """The kinds of the mails that are not withheld, oldest first."""
        return [row.kind for row in self.messages(email) if row.status != "withheld"]

    def ledger(self, email: str = ADA) -> list[str]:
        return [
            row.kind
            for row in self.rows(
                select(ConsentEvent.__table__)
                .where(ConsentEvent.subscriber_id == self.person(email).id)
                .order_by(ConsentEvent.at, ConsentEvent.id)
            )
        ]

    def scope(self, email: str = ADA, place: int = -1) -> LinkScope:
        message = self.messages(email)[place]
        return scope_of(message.subscriber_id, message.refs)

    def confirm_link(self, email: str = ADA, place: int = -1) -> str:
        message = self.messages(email)[place]
        return self.tokens.confirm.issue(self.scope(email, place), at=message.created_at)

    def unsubscribe_link(self, email: str = ADA, place: int = -1) -> str:
        message = self.messages(email)[place]
        return self.tokens.unsubscribe.issue(self.scope(email, place), at=message.created_at)

    def code(self, email: str = ADA, place: int = -1) -> str:
        message = self.messages(email)[place]
        return self.tokens.confirm.code(self.scope(email, place), at=message.created_at)

    def confirm(self, email: str = ADA) -> None:
        self.services.confirm.act(self.confirm_link(email), Evidence())

    def leave(self, email: str = ADA) -> str | None:
        return self.services.unsubscribe.act(
            self.unsubscribe_link(email), Evidence(), one_click=False
        ).undo_token

    def suppress(self, email: str, reason: str) -> None:
        key = parse_address(email).key
        values = {
            "address_hash": address_hash(key, self.services.settings.address_hash_key),
            "reason": reason,
            "email_key": key,
            "created_at": utc_now(),
        }
        with self.engine.begin() as connection:
            connection.execute(insert(Suppression).values(**values))

    def erase(self, email: str) -> None:
        key = parse_address(email).key
        with self.engine.begin() as connection:
            connection.execute(delete(Subscriber).where(Subscriber.email_key == key))

    def end(self, email: str, reason: str) -> None:
        """End every subscription of the address for a reason that is not the person's own."""
        person = self.person(email).id
        with self.engine.begin() as connection:
            connection.execute(
                update(Subscription)
                .where(Subscription.subscriber_id == person)
                .values(status="unsubscribed", ended_reason=reason)
            )

    def set_message(self, message_id: UUID, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                update(OutboxMessage).where(OutboxMessage.id == message_id).values(**values)
            )

    def rows(self, query: Any) -> list[Row[Any]]:
        with reading(self.engine) as connection:
            return list(connection.execute(query))


@pytest.fixture
def scenario(services: Services, engine: Engine) -> Scenario:
    """The service and its rows."""
    return Scenario.of(services, engine)


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """Collect the SQL statements that an engine runs in this thread meanwhile."""
    statements: list[str] = []
    thread = threading.get_ident()

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.get_ident() == thread:
            statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
