"""What is kept around a signup: those held for review, and keys against duplicates."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import db


class HeldSignup(db.Model):  # type: ignore[name-defined,misc]
    """A signup of high risk, as it was asked for; `id` is that of the message it would leave."""

    __tablename__ = "held_signups"
    __table_args__ = (Index(None, "created_at"), Index(None, "email_key"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    email_key: Mapped[str]
    lists: Mapped[list[list[Any]]]
    """`[[mailing_list_id, version of the consent text shown], …]`; null is the built-in text."""
    name: Mapped[str | None]
    locale: Mapped[str | None]
    attributes: Mapped[dict[str, Any] | None]
    source: Mapped[str | None]
    ip: Mapped[str | None]
    score: Mapped[int]
    reasons: Mapped[list[str]]
    created_at: Mapped[datetime]


class IdempotencyRecord(db.Model):  # type: ignore[name-defined,misc]
    """A request that came with an `Idempotency-Key`: the hash of who and key, and of the body.

    Its signup leaves the message `message_id`, from which the answer follows.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "created_at"),)

    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    body_hash: Mapped[str] = mapped_column(String(64))
    message_id: Mapped[UUID]
    created_at: Mapped[datetime]
    began_at: Mapped[datetime]
    is_done: Mapped[bool]
