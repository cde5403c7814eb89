"""The outgoing webhooks, what is to be delivered to them, and each call."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import db


class Webhook(db.Model):  # type: ignore[name-defined,misc]
    """A receiver of events. `secret` is kept in clear, for every call is signed with it.

    `failures` counts failed calls in a row; until `paused_until` the receiver is left alone.
    """

    __tablename__ = "webhooks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    url: Mapped[str]
    secret: Mapped[str]
    events: Mapped[list[str]]
    mailing_list_id: Mapped[UUID | None] = mapped_column(ForeignKey("mailing_lists.id"))
    is_enabled: Mapped[bool]
    disabled_reason: Mapped[str | None] = mapped_column(String(32))
    failures: Mapped[int] = mapped_column(server_default="0")
    paused_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class WebhookDelivery(db.Model):  # type: ignore[name-defined,misc]
    """An event to be delivered to a webhook. It holds no address: that is read as it is delivered.

    While a worker delivers it, `next_attempt_at` is when the lease under `lease_token` runs out.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(
            "ix_webhook_deliveries_due",
            "webhook_id",
            "next_attempt_at",
            sqlite_where=text("status = 'queued'"),
            postgresql_where=text("status = 'queued'"),
        ),
        Index(None, "created_at"),
    )

    webhook_id: Mapped[UUID] = mapped_column(
        ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True
    )
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(32))
    subscriber_id: Mapped[UUID]
    mailing_list_id: Mapped[UUID | None]
    reason: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(16))
    next_attempt_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default="0")
    lease_token: Mapped[UUID | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(String(64))
    settled_at: Mapped[datetime | None]


class WebhookAttempt(db.Model):  # type: ignore[name-defined,misc]
    """One call to a receiver."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (Index(None, "webhook_id", "id"), Index(None, "at"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_id: Mapped[UUID]
    type: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    status_code: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(64))
    duration_ms: Mapped[int]
