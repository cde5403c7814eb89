"""The people, their subscriptions, and the addresses that get no email."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import db


class Subscriber(db.Model):  # type: ignore[name-defined,misc]
    """A person's address, as typed and as a key, and what else the person gave."""

    __tablename__ = "subscribers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    email_key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]
    locale: Mapped[str | None]
    attributes: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Subscription(db.Model):  # type: ignore[name-defined,misc]
    """A subscriber on a mailing list; `epoch` counts the cycles of signing up again."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        # Pages and exports of one list.
        Index(
            "ix_subscriptions_list_status",
            "mailing_list_id",
            "status",
            "subscriber_id",
        ),
        # Exports of changes.
        Index(None, "updated_at"),
        # Along these retention finds who was asked, or has left, long enough ago.
        Index(
            "ix_subscriptions_pending",
            "requested_at",
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        Index(
            "ix_subscriptions_ended",
            "ended_at",
            sqlite_where=text("status = 'unsubscribed'"),
            postgresql_where=text("status = 'unsubscribed'"),
        ),
    )

    subscriber_id: Mapped[UUID] = mapped_column(
        ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True
    )
    mailing_list_id: Mapped[UUID] = mapped_column(ForeignKey("mailing_lists.id"), primary_key=True)
    status: Mapped[str] = mapped_column(String(16))
    epoch: Mapped[int]
    source: Mapped[str | None]
    consent_text_version: Mapped[str | None]
    requested_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None] = mapped_column(String(32))
    updated_at: Mapped[datetime]


class Suppression(db.Model):  # type: ignore[name-defined,misc]
    """An address that gets no email, by keyed hash; without `email_key` once it is erased."""

    __tablename__ = "suppressions"

    address_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str] = mapped_column(String(16), primary_key=True)
    email_key: Mapped[str | None]
    note: Mapped[str | None]
    created_at: Mapped[datetime]
