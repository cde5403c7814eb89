"""The administrators: their keys, their sign-ins, and what they did."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import db


class ApiKey(db.Model):  # type: ignore[name-defined,misc]
    """A key of the administrators' API. Only the SHA-256 of its 256 random bits is kept.

    Without `list_ids` it is for all lists, without `expires_at` it does not end by itself.
    """

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    list_ids: Mapped[list[str] | None]
    expires_at: Mapped[datetime | None]


class AdminLink(db.Model):  # type: ignore[name-defined,misc]
    """A one-time link that has not been used. Using it removes the row, so it works once."""

    __tablename__ = "admin_links"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class AdminSession(db.Model):  # type: ignore[name-defined,misc]
    """A browser that is signed in, by the SHA-256 of what its cookie holds (256 random bits).

    `api_key_id` is the key it signed in with, and ends it; a one-time link belongs to no key. For
    someone whom an identity provider named, `person` is the account, and `admission` the hash of
    the settings that let the account in: under others the session is over.
    """

    __tablename__ = "admin_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    api_key_id: Mapped[UUID | None] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    person: Mapped[str | None] = mapped_column(String(255))
    admission: Mapped[str | None] = mapped_column(String(64))


class AuditEntry(db.Model):  # type: ignore[name-defined,misc]
    """What an administrator did: who, what, on what. Ids only, never a subscriber's address; an
    administrator from an identity provider goes by the name of their account.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    target: Mapped[str | None]
    detail: Mapped[dict[str, Any] | None]
