"""The tables. Migrations build them; a test holds the two equal."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import JSON, BigInteger, ForeignKey, Index, MetaData, String, Text, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry

from service.store.types import PublicId, UtcTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


JSON_TYPE = JSON().with_variant(JSONB(), "postgresql")


class Base(DeclarativeBase):
    """Base of every table."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            UUID: PublicId,
            datetime: UtcTime,
            str: Text,
            dict[str, Any]: JSON_TYPE,
            list[str]: JSON_TYPE,
            list[list[Any]]: JSON_TYPE,
        },
    )


db = SQLAlchemy(model_class=Base)


class MailingList(db.Model):  # type: ignore[name-defined,misc]
    """What one subscribes to, and who answers for it (GDPR article 13: controller, notice)."""

    __tablename__ = "mailing_lists"
    # Whatever happens at once, one list at most is the default.
    __table_args__ = (
        Index(
            "uq_mailing_lists_default",
            "is_default",
            unique=True,
            sqlite_where=text("is_default"),
            postgresql_where=text("is_default"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    controller: Mapped[str] = mapped_column(default="")
    privacy_url: Mapped[str] = mapped_column(default="")
    sender: Mapped[str | None]
    origins: Mapped[list[str]] = mapped_column(default=list)
    redirect_url: Mapped[str | None]
    locale: Mapped[str] = mapped_column(default="en")
    is_default: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Subscriber(db.Model):  # type: ignore[name-defined,misc]
    """A person's address, as typed and as a key, and what the person told of themselves."""

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
    # Along these retention finds who was asked, or has left, long enough ago.
    __table_args__ = (
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


class ConsentEvent(db.Model):  # type: ignore[name-defined,misc]
    """One entry of the append-only ledger. It outlives the subscriber, so nothing refers.

    It is sealed afterwards (`ledger_models.py`): `position` is its place in the chain, and `salt`
    is what its personal fields entered the chain with. Erasure empties those fields and the salt.
    """

    __tablename__ = "consent_events"
    __table_args__ = (
        Index(None, "subscriber_id", "at", "id"),
        # What a person did by a link, however often somebody asked for it.
        Index(
            "ix_consent_events_acts",
            "subscriber_id",
            sqlite_where=text("kind IN ('confirmed', 'resumed', 'reason_given')"),
            postgresql_where=text("kind IN ('confirmed', 'resumed', 'reason_given')"),
        ),
        Index(
            "ix_consent_events_unsealed",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscriber_id: Mapped[UUID]
    mailing_list_id: Mapped[UUID]
    epoch: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    source: Mapped[str | None]
    locale: Mapped[str | None]
    ip: Mapped[str | None]
    text_version: Mapped[str | None]
    detail: Mapped[str | None]
    email: Mapped[str | None]
    name: Mapped[str | None]
    position: Mapped[int | None] = mapped_column(BigInteger)
    salt: Mapped[str | None] = mapped_column(String(64))


class OutboxMessage(db.Model):  # type: ignore[name-defined,misc]
    """A mail that the service owes. What is rendered at send time comes from these columns alone:
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
            "ix_outbox_messages_dead",
            "id",
            sqlite_where=text("status = 'dead'"),
            postgresql_where=text("status = 'dead'"),
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
    answer: Mapped[str | None]
    """What the call came to, as long as its messages are not settled yet."""


class RecordedEvent(db.Model):  # type: ignore[name-defined,misc]
    """What a provider reported of a mail, once. Nothing of the mail's own row is written for it, so
    that reports never stand in the way of sending. Without `message_id` it waits for its message.
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


class Suppression(db.Model):  # type: ignore[name-defined,misc]
    """An address not to be mailed, by keyed hash; without `email_key` once it is erased."""

    __tablename__ = "suppressions"

    address_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str] = mapped_column(String(16), primary_key=True)
    email_key: Mapped[str | None]
    note: Mapped[str | None]
    created_at: Mapped[datetime]


class WriteProbe(db.Model):  # type: ignore[name-defined,misc]
    """The one row that `/readyz` writes, to see whether the database takes writes."""

    __tablename__ = "write_probe"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]


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
