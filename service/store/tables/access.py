"""The tables of signing in to the admin pages."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import db


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
