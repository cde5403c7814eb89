"""The consent ledger's format: what of an event enters the chain, and how an entry is hashed.

docs/ledger.md says the same for authors of other checkers. An entry is the canonical
form of a document that holds the event and the hash of the entry before it. What tells of a person
enters as a commitment: HMAC-SHA-256 (RFC 2104) of the value under the event's own random salt. Who
has salt and value can check it; once both are deleted it tells nothing, and the chain still fits.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from service.domain.ledger.canonical import canonical

FORMAT = 1
GENESIS_HASH = "0" * 64
"""What the first entry has for the hash of the entry before it."""

SALT_BYTES = 32
PERSONAL_FIELDS = ("email", "name", "source", "ip", "detail")
"""What enters as a commitment and is deleted when the person is erased."""

Document = dict[str, Any]
"""A document as JSON gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEvent:
    """A consent event as the ledger takes it. `personal` has what of `PERSONAL_FIELDS` is kept."""

    id: UUID
    kind: str
    at: datetime
    subscriber_id: UUID
    mailing_list_id: UUID
    epoch: int
    locale: str | None
    text_version: str | None
    text_sha256: str | None
    personal: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest entry's place and hash; position 0 and `GENESIS_HASH` while there is none."""

    position: int
    entry_hash: str


def utc(at: datetime) -> str:
    """Write a time as the ledger's documents do: ISO 8601, UTC, six digits of a second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def new_salt() -> str:
    """Return a fresh salt, 64 hex digits."""
    return secrets.token_hex(SALT_BYTES)


def commitment(salt: str, name: str, value: str) -> str:
    """Return what stands in the chain for a personal field. `salt` is hex."""
    return hmac.digest(bytes.fromhex(salt), canonical([name, value]), sha256).hex()


def commitments(salt: str, personal: Mapping[str, str]) -> dict[str, str]:
    """Return the commitment of each field that has a value."""
    return {name: commitment(salt, name, value) for name, value in personal.items()}


def text_hash(text: str) -> str:
    """Return the SHA-256 of a consent text's UTF-8 bytes, in hex."""
    return sha256(text.encode()).hexdigest()


def event_document(event: LedgerEvent) -> Document:
    """Return what of an event tells nothing of the person."""
    return {
        "id": str(event.id),
        "kind": event.kind,
        "at": utc(event.at),
        "subscriber_id": str(event.subscriber_id),
        "mailing_list_id": str(event.mailing_list_id),
        "epoch": event.epoch,
        "locale": event.locale,
        "text_version": event.text_version,
        "text_sha256": event.text_sha256,
    }


def entry_document(
    event: LedgerEvent,
    *,
    position: int,
    previous_hash: str,
    sealed_at: datetime,
    committed: Mapping[str, str],
) -> Document:
    """Return the document that is hashed for one entry."""
    return {
        "format": FORMAT,
        "position": position,
        "previous_hash": previous_hash,
        "sealed_at": utc(sealed_at),
        "event": event_document(event),
        "commitments": {name: committed.get(name) for name in PERSONAL_FIELDS},
    }


def entry_hash(document: Document) -> str:
    """Return the SHA-256 of the document's canonical form, in hex."""
    return sha256(canonical(document)).hexdigest()


def checkpoint_document(head: Head, *, at: datetime) -> Document:
    """Return the checkpoint to be signed: how far the ledger reached at `at`, and its last hash."""
    return {
        "type": "newsflash-checkpoint",
        "format": FORMAT,
        "position": head.position,
        "entry_hash": head.entry_hash,
        "at": utc(at),
    }
