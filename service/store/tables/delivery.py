"""The emails to send, the calls they go in, and what is known of the providers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import db


class OutboxMessage(db.Model):  # type: ignore[name-defined,misc]
    """An email that the service has promised. It is rendered at send time from these columns alone;
    `refs` holds `[[mailing_list_id, epoch], …]`, sorted by list.
    """

    __tablename__ = "outbox_messages"
    __table_args__ = (
        Index(
            "ix_outbox_messages_due",
            "is_alone",
            "next_attempt_at",
            sqlite_where=text("status = 'queued'"),
            postgresql_where=text("status = 'queued'"),
        ),
        Index(
            "ix_outbox_messages_batch_id",
            "batch_id",
            sqlite_where=text("status = 'sending'"),
            postgresql_where=text("status = 'sending'"),
        ),
        Index(
            "ix_outbox_messages_failed",
            "id",
            sqlite_where=text("status = 'failed'"),
            postgresql_where=text("status = 'failed'"),
        ),
        Index(None, "subscriber_id", "created_at"),
        # What counts against an address's budget, however many were withheld.
        Index(
            "ix_outbox_messages_budget",
            "subscriber_id",
            "created_at",
            sqlite_where=text("status <> 'withheld'"),
            postgresql_where=text("status <> 'withheld'"),
        ),
        Index(
            "ix_outbox_messages_provider_message_id",
            "provider",
            "provider_message_id",
            sqlite_where=text("provider_message_id IS NOT NULL"),
            postgresql_where=text("provider_message_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscriber_id: Mapped[UUID] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(32))
    refs: Mapped[list[list[Any]]]
    locale: Mapped[str | None]
    status: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default="0")
    batch_id: Mapped[UUID | None]
    is_alone: Mapped[bool] = mapped_column(server_default=false())
    """Goes in a call of its own: a call with others was refused as a whole."""
    provider: Mapped[str | None] = mapped_column(String(32))
    provider_message_id: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    retried_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class OutboxBatch(db.Model):  # type: ignore[name-defined,misc]
    """Messages that go, or may have gone, in one call to a provider: the unit of lease and retry.

    `id` is the idempotency key of the call. The row lives until each message of it is settled.
    """

    __tablename__ = "outbox_batches"
    __table_args__ = (Index(None, "lease_until"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(32))
    lease_token: Mapped[UUID]
    lease_until: Mapped[datetime]
    created_at: Mapped[datetime]
    called_at: Mapped[datetime | None]
    """When its call began first; None: it never did."""


class RecordedEvent(db.Model):  # type: ignore[name-defined,misc]
    """What a provider reported of an email, once. The email's own row is not written for it, so
    that reports never delay sending. Without `message_id` it waits for its message.
    """

    __tablename__ = "provider_events"
    __table_args__ = (
        Index(None, "message_id"),
        Index(None, "received_at"),
        Index(
            "ix_provider_events_waiting",
            "received_at",
            sqlite_where=text("message_id IS NULL"),
            postgresql_where=text("message_id IS NULL"),
        ),
        Index(
            "ix_provider_events_not_understood",
            "provider",
            sqlite_where=text("kind = 'not_understood'"),
            postgresql_where=text("kind = 'not_understood'"),
        ),
        # What waits for a message of one person's, when they are erased.
        Index(
            "ix_provider_events_waiting_name",
            "provider",
            "provider_message_id",
            sqlite_where=text("message_id IS NULL"),
            postgresql_where=text("message_id IS NULL"),
        ),
    )

    provider: Mapped[str] = mapped_column(String(32), primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    message_id: Mapped[UUID | None]
    provider_message_id: Mapped[str | None]
    detail: Mapped[str | None]


class ProviderActivity(db.Model):  # type: ignore[name-defined,misc]
    """How a provider's messages ended since counting began, and how its breaker stands."""

    __tablename__ = "provider_activity"

    provider: Mapped[str] = mapped_column(String(32), primary_key=True)
    accepted: Mapped[int] = mapped_column(BigInteger, server_default="0")
    temporary: Mapped[int] = mapped_column(BigInteger, server_default="0")
    rejected: Mapped[int] = mapped_column(BigInteger, server_default="0")
    misconfigured: Mapped[int] = mapped_column(BigInteger, server_default="0")
    unknown: Mapped[int] = mapped_column(BigInteger, server_default="0")
    breaker_state: Mapped[str] = mapped_column(String(16))
    breaker_until: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(64))
    updated_at: Mapped[datetime]


class SenderPause(db.Model):  # type: ignore[name-defined,misc]
    """A sender that a provider refuses. `refusals` counts in a row; while one call tries the sender
    again, `paused_until` is when somebody else may.
    """

    __tablename__ = "sender_pauses"

    provider: Mapped[str] = mapped_column(String(32), primary_key=True)
    sender: Mapped[str] = mapped_column(primary_key=True)
    refusals: Mapped[int]
    error: Mapped[str] = mapped_column(String(64))
    refused_at: Mapped[datetime]
    paused_until: Mapped[datetime]
