"""Proof of consent to take away: signed receipts, the exported ledger, checkpoints."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine

from service.clock import utc_now
from service.domain.errors import NotFoundError
from service.domain.ledger.format import (
    FORMAT,
    Document,
    LedgerEvent,
    checkpoint_document,
    entry_document,
    event_document,
    utc,
)
from service.signing import PublicKey, Signer
from service.store.access.audit import insert_audit
from service.store.database import reading
from service.store.ledger import reading as store
from service.store.ledger.reading import PersonEvents, Place, StoredEntry, SubscriptionTimes
from service.store.ledger.sealing import read_head
from service.tokens import ReceiptTokens
from service.usecases.lists.lists import Lists
from service.usecases.paging import Cursors

LINK_WORKS_FOR = timedelta(days=1)
"""A page that offers the receipt makes a fresh link each time."""

PAGE = 1000
RECEIPT_PAGE = 200
"""Events in one receipt: some 300 kB. What a person has more of is in the next one."""


def _place(text: str) -> Place:
    """Read the place of an event. Raises `ValueError`, `OverflowError`."""
    at, event_id = text.split(" ")
    return datetime.fromisoformat(at).astimezone(UTC), UUID(event_id)


def _place_text(place: Place) -> str:
    return f"{utc(place[0])} {place[1]}"


_CURSORS = Cursors("receipt", read=_place, write=_place_text)


class Receipts:
    """Hands out what proves a consent. Nothing of it needs this service to be checked."""

    def __init__(
        self,
        engine: Engine,
        *,
        lists: Lists,
        tokens: ReceiptTokens,
        signer: Signer,
        earlier_keys: Sequence[PublicKey] = (),
    ) -> None:
        """`signer` signs; `earlier_keys` are those that it took over from, and stay published."""
        self._engine = engine
        self._lists = lists
        self._tokens = tokens
        self._signer = signer
        self._earlier_keys = tuple(earlier_keys)

    def public_keys(self) -> Document:
        """Return the JWK Set (RFC 7517, section 5) that receipts are checked with, the key that
        signs now first.
        """
        keys = dict.fromkeys((self._signer.public_key, *self._earlier_keys))
        return {"keys": [key.jwk() for key in keys]}

    def by_link(self, token: str, *, cursor: str | None = None) -> Document:
        """Return the receipt of the link's subscriptions, or with `next_cursor` of one the next.

        Raises `LinkForgedError`, `LinkExpiredError`, `InvalidInputError` (cursor), and
        `NotFoundError` after erasure.
        """
        scope = self._tokens.read(token, max_age=LINK_WORKS_FOR, now=utc_now())
        with reading(self._engine) as connection:
            return self._receipt(connection, scope.subscriber_id, set(scope.list_ids), cursor)

    def by_subscriber(
        self, subscriber_id: UUID, *, actor: str, cursor: str | None = None
    ) -> Document:
        """Return the receipt of all of a person's subscriptions, or with `next_cursor` of one the
        next. Raises `NotFoundError`, `InvalidInputError` (cursor).
        """
        now = utc_now()
        with self._engine.begin() as connection:
            receipt = self._receipt(connection, subscriber_id, None, cursor)
            insert_audit(
                connection, at=now, actor=actor, action="receipt.issued", target=str(subscriber_id)
            )
        return receipt

    def checkpoint(self) -> Document:
        """Return where the ledger ends now, signed. Kept elsewhere, it shows a missing tail."""
        with reading(self._engine) as connection:
            return self._checkpoint(connection, utc_now())

    def export(self, *, with_personal: bool) -> Iterator[Document]:
        """Go through the whole ledger: a header, the texts, the entries, a signed checkpoint.

        Without `with_personal` it tells of no person and can be checked all the same.
        """
        now = utc_now()
        with reading(self._engine) as connection:
            checkpoint = self._checkpoint(connection, now)
            texts = store.texts(connection)
        yield {
            "type": "newsflash-ledger",
            "format": FORMAT,
            "exported_at": utc(now),
            "public_key": self._signer.public_key.jwk(),
        }
        for sha256, words in texts.items():
            yield {"sha256": sha256, "text": words}
        position, end = 0, int(checkpoint["position"])
        while position < end:
            with reading(self._engine) as connection:
                page = store.entries_after(connection, position, limit=PAGE)
            for entry in page:
                if entry.position <= end:
                    yield _record(entry, with_personal=with_personal)
            position = page[-1].position if page else end
        yield checkpoint

    def _receipt(
        self,
        connection: Connection,
        subscriber_id: UUID,
        list_ids: Collection[UUID] | None,
        cursor: str | None,
    ) -> Document:
        now = utc_now()
        after = _CURSORS.key_of(cursor)
        email = store.email_of(connection, subscriber_id)
        if email is None:
            raise NotFoundError
        events = store.events_of_person(
            connection, subscriber_id, list_ids=list_ids, after=after, limit=RECEIPT_PAGE
        )
        subscriptions = store.subscriptions_of(connection, subscriber_id, list_ids=list_ids)
        texts = store.texts(connection, _text_hashes(events))
        return self._signer.sign(
            {
                "type": "newsflash-receipt",
                "format": FORMAT,
                "issued_at": utc(now),
                "subscriber": {"id": str(subscriber_id), "email": email},
                "subscriptions": self._subscriptions(subscriptions),
                "texts": [{"sha256": key, "text": words} for key, words in texts.items()],
                "entries": [_record(entry, with_personal=True) for entry in events.sealed],
                "unsealed": [_unsealed(event) for event in events.unsealed],
                "next_cursor": _CURSORS.after(events.next) if events.next else None,
                "checkpoint": self._checkpoint(connection, now),
                "public_key": self._signer.public_key.jwk(),
            }
        )

    def _subscriptions(self, found: Sequence[SubscriptionTimes]) -> list[Document]:
        lists = {
            info.id: info for info in self._lists.by_ids(each.mailing_list_id for each in found)
        }
        return [
            {
                "mailing_list_id": str(each.mailing_list_id),
                "list": lists[each.mailing_list_id].slug,
                "list_name": lists[each.mailing_list_id].name,
                "controller": lists[each.mailing_list_id].controller,
                "status": each.status,
                "epoch": each.epoch,
                "consent_text_version": each.consent_text_version,
                "requested_at": utc(each.requested_at),
                "confirmed_at": _utc(each.confirmed_at),
                "ended_at": _utc(each.ended_at),
                "ended_reason": each.ended_reason,
            }
            for each in found
        ]

    def _checkpoint(self, connection: Connection, now: datetime) -> Document:
        return self._signer.sign(checkpoint_document(read_head(connection), at=now))


def _utc(at: datetime | None) -> str | None:
    return utc(at) if at is not None else None


def _text_hashes(events: PersonEvents) -> set[str]:
    return {
        entry.event.text_sha256
        for entry in events.sealed
        if entry.event is not None and entry.event.text_sha256 is not None
    }


def _record(entry: StoredEntry, *, with_personal: bool) -> Document:
    """Return an entry for export. If its event was deleted, only position and hashes are left."""
    if entry.event is None:
        shown: Document = {"position": entry.position, "previous_hash": entry.previous_hash}
        return {"entry": shown, "entry_hash": entry.entry_hash}
    record: Document = {
        "entry": entry_document(
            entry.event,
            position=entry.position,
            previous_hash=entry.previous_hash,
            sealed_at=entry.sealed_at,
            committed=entry.commitments,
        ),
        "entry_hash": entry.entry_hash,
    }
    if with_personal:
        record["salt"] = entry.salt
        record["disclosed"] = dict(entry.event.personal)
    return record


def _unsealed(event: LedgerEvent) -> Document:
    return {"event": event_document(event), "disclosed": dict(event.personal)}
