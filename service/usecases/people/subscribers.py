"""Subscribers, for administrators: find, look at, correct, erase."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Engine

from service.clock import utc_now
from service.domain.address import address_hash, parse_address
from service.domain.attributes import check_attributes
from service.domain.errors import InvalidInputError, NotFoundError
from service.domain.person import (
    ConsentInfo,
    EventInfo,
    HeldInfo,
    MessageInfo,
    SubscriberInfo,
    SubscriptionInfo,
    SuppressionInfo,
)
from service.domain.subscription import Status
from service.store.access.audit import insert_audit
from service.store.database import reading
from service.store.people import personal, suppressions
from service.store.people import subscribers as store
from service.store.people.subscribers import Place
from service.usecases.lists.lists import Lists
from service.usecases.paging import Cursors, Page
from service.usecases.people.erase import erase_person

T = TypeVar("T", covariant=True)

CHANGEABLE = frozenset({"name", "locale", "attributes"})
MAX_REASONS = 10
SHOWN_HISTORY = 200
_CURSORS = Cursors("subscribers", read=UUID)
"""Consent events and emails that are shown of one person."""
DATA_PAGE = 500
"""Rows of one person that are read at once where all are given."""


class _ReadPage(Protocol[T]):
    def __call__(
        self, connection: Connection, subscriber_id: UUID, after: Place | None, *, limit: int
    ) -> tuple[Sequence[T], Place | None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberView:
    """A subscriber with their subscriptions."""

    info: SubscriberInfo
    subscriptions: Sequence[SubscriptionInfo]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberDetail:
    """A subscriber with what is known of them, oldest first: of consent events and emails the
    newest, at most `SHOWN_HISTORY` of each. `Subscribers.data` gives all.
    """

    info: SubscriberInfo
    subscriptions: Sequence[SubscriptionInfo]
    consents: Sequence[ConsentInfo]
    messages: Sequence[MessageInfo]
    suppressions: Sequence[SuppressionInfo]

    @property
    def is_shortened(self) -> bool:
        """Tell whether there may be older consent events or emails."""
        return SHOWN_HISTORY in (len(self.consents), len(self.messages))


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonData:
    """All data of one person (GDPR, articles 15 and 20), oldest first. What there may be much of is
    read page by page while it is gone through, once.
    """

    detail: SubscriberDetail
    consents: Iterator[ConsentInfo]
    messages: Iterator[MessageInfo]
    events: Iterator[EventInfo]
    """What providers reported of the person's emails, by email."""
    held: Sequence[HeldInfo]
    """Signups of the address that wait for review."""


class Subscribers:
    """Reads, corrects and erases subscribers."""

    def __init__(self, engine: Engine, *, lists: Lists, address_hash_key: bytes) -> None:
        """Take what the use case works with."""
        self._engine = engine
        self._lists = lists
        self._hash_key = address_hash_key

    def page(
        self,
        *,
        limit: int,
        cursor: str | None = None,
        list: str | None = None,  # noqa: A002 - the name that it has outside
        status: Status | None = None,
        text: str | None = None,
    ) -> Page[SubscriberView]:
        """Return a page, oldest first. Raises `UnknownListError`, `InvalidInputError` (cursor)."""
        list_id = self._lists.get(list).id if list else None
        with reading(self._engine) as connection:
            page = _CURSORS.page(
                lambda after, count: store.subscribers_page(
                    connection, limit=count, after=after, list_id=list_id, status=status, text=text
                ),
                limit=limit,
                cursor=cursor,
                key=lambda info: info.id,
            )
            held = store.subscriptions_of(connection, [info.id for info in page.items])
        return Page(
            items=[
                SubscriberView(
                    info=info,
                    subscriptions=[each for each in held if each.subscriber_id == info.id],
                )
                for info in page.items
            ],
            next_cursor=page.next_cursor,
        )

    def get(self, subscriber_id: UUID) -> SubscriberDetail:
        """Return one subscriber with everything. Raises `NotFoundError`."""
        with reading(self._engine) as connection:
            info = store.get_subscriber(connection, subscriber_id)
            if info is None:
                raise NotFoundError(subscriber_id)
            history = store.history(connection, subscriber_id, limit=SHOWN_HISTORY)
            suppressed = suppressions.suppressions_page(
                connection, limit=MAX_REASONS, address_hash=self._hash(info)
            )
        return SubscriberDetail(
            info=info,
            subscriptions=history.subscriptions,
            consents=history.consents,
            messages=history.messages,
            suppressions=suppressed,
        )

    def data(self, subscriber_id: UUID, *, actor: str) -> PersonData:
        """Return all that is kept of one person, for them; audited. Raises `NotFoundError`."""
        detail = self.get(subscriber_id)
        with self._engine.begin() as connection:
            insert_audit(
                connection,
                at=utc_now(),
                actor=actor,
                action="subscriber.data_given",
                target=str(subscriber_id),
            )
            held = personal.held_of(connection, detail.info.email_key)
        return PersonData(
            detail=detail,
            consents=self._pages(store.consents_after, subscriber_id),
            messages=self._pages(store.messages_after, subscriber_id),
            events=self._events(subscriber_id),
            held=held,
        )

    def _pages(self, read: _ReadPage[T], subscriber_id: UUID) -> Iterator[T]:
        place: Place | None = None
        while True:
            with reading(self._engine) as connection:
                found, place = read(connection, subscriber_id, place, limit=DATA_PAGE)
            yield from found
            if len(found) < DATA_PAGE:
                return

    def _events(self, subscriber_id: UUID) -> Iterator[EventInfo]:
        place: Place | None = None
        while True:
            with reading(self._engine) as connection:
                found, place = store.messages_after(
                    connection, subscriber_id, place, limit=DATA_PAGE
                )
                events = personal.events_of(connection, [message.id for message in found])
            yield from events
            if len(found) < DATA_PAGE:
                return

    def id_of(self, email: str) -> UUID:
        """Return whose address this is. Raises `AddressError`, `NotFoundError`."""
        key = parse_address(email).key
        with reading(self._engine) as connection:
            found = store.find_id(connection, key)
        if found is None:
            raise NotFoundError(key)
        return found

    def update(
        self, subscriber_id: UUID, changes: Mapping[str, Any], *, actor: str
    ) -> SubscriberDetail:
        """Change name, locale or attributes; an empty text is none.

        Raises `NotFoundError`, `InvalidInputError`.
        """
        changes = {name: None if value == "" else value for name, value in changes.items()}
        for field in changes.keys() - CHANGEABLE:
            raise InvalidInputError(field, "This field can't be changed.")
        if changes.get("attributes") is not None:
            check_attributes(changes["attributes"])
        now = utc_now()
        with self._engine.begin() as connection:
            if store.get_subscriber(connection, subscriber_id, lock=True) is None:
                raise NotFoundError(subscriber_id)
            store.update_subscriber(connection, subscriber_id, changes, at=now)
            insert_audit(
                connection,
                at=now,
                actor=actor,
                action="subscriber.changed",
                target=str(subscriber_id),
                detail={"fields": sorted(changes)},
            )
        return self.get(subscriber_id)

    def erase(self, subscriber_id: UUID, *, actor: str) -> None:
        """Erase a person (GDPR, article 17). Raises `NotFoundError`.

        What stays is a ledger without personal data, and the keyed hash of the address, so that no
        import and no issue reaches it again.
        """
        now = utc_now()
        with self._engine.begin() as connection:
            info = store.get_subscriber(connection, subscriber_id, lock=True)
            if info is None:
                raise NotFoundError(subscriber_id)
            erase_person(connection, info, address_hash=self._hash(info), at=now)
            insert_audit(
                connection,
                at=now,
                actor=actor,
                action="subscriber.erased",
                target=str(subscriber_id),
            )

    def _hash(self, info: SubscriberInfo) -> str:
        return address_hash(info.email_key, self._hash_key)
