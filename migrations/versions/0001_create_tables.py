"""Create the first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _types() -> tuple[Any, Any, Any]:
    """Return the types of ids, times and JSON on this database."""
    if op.get_bind().dialect.name == "postgresql":
        return sa.Uuid(), sa.DateTime(timezone=True), postgresql.JSONB()
    return sa.String(36), sa.String(27), sa.JSON()


def upgrade() -> None:
    """Build the tables."""
    uuid, time, json = _types()
    op.create_table(
        "mailing_lists",
        sa.Column("id", uuid, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("privacy_url", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text()),
        sa.Column("origins", json, nullable=False),
        sa.Column("redirect_url", sa.Text()),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("updated_at", time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mailing_lists"),
        sa.UniqueConstraint("slug", name="uq_mailing_lists_slug"),
    )
    op.create_table(
        "subscribers",
        sa.Column("id", uuid, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("locale", sa.Text()),
        sa.Column("attributes", json),
        sa.Column("created_at", time, nullable=False),
        sa.Column("updated_at", time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscribers"),
        sa.UniqueConstraint("email_key", name="uq_subscribers_email_key"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("subscriber_id", uuid, nullable=False),
        sa.Column("mailing_list_id", uuid, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.Column("consent_text_version", sa.Text()),
        sa.Column("requested_at", time, nullable=False),
        sa.Column("confirmed_at", time),
        sa.Column("ended_at", time),
        sa.Column("ended_reason", sa.String(32)),
        sa.Column("updated_at", time, nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", "mailing_list_id", name="pk_subscriptions"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name="fk_subscriptions_subscriber_id_subscribers",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["mailing_list_id"],
            ["mailing_lists.id"],
            name="fk_subscriptions_mailing_list_id_mailing_lists",
        ),
    )
    op.create_table(
        "consent_events",
        sa.Column("id", uuid, nullable=False),
        sa.Column("subscriber_id", uuid, nullable=False),
        sa.Column("mailing_list_id", uuid, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("source", sa.Text()),
        sa.Column("locale", sa.Text()),
        sa.Column("ip", sa.Text()),
        sa.Column("text_version", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_consent_events"),
    )
    op.create_index("ix_consent_events_subscriber_id", "consent_events", ["subscriber_id"])
    op.create_table(
        "outbox_messages",
        sa.Column("id", uuid, nullable=False),
        sa.Column("subscriber_id", uuid, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("refs", json, nullable=False),
        sa.Column("locale", sa.Text()),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("next_attempt_at", time, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("batch_id", uuid),
        sa.Column("is_alone", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("provider", sa.String(32)),
        sa.Column("provider_message_id", sa.Text()),
        sa.Column("settled_at", time),
        sa.Column("last_error", sa.Text()),
        sa.Column("code_tries", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_messages"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name="fk_outbox_messages_subscriber_id_subscribers",
            ondelete="CASCADE",
        ),
    )
    for name, columns, status in (
        ("ix_outbox_messages_due", ["is_alone", "next_attempt_at"], "queued"),
        ("ix_outbox_messages_batch_id", ["batch_id"], "sending"),
    ):
        where = sa.text(f"status = '{status}'")
        op.create_index(
            name, "outbox_messages", columns, postgresql_where=where, sqlite_where=where
        )
    op.create_index(
        "ix_outbox_messages_subscriber_id_created_at",
        "outbox_messages",
        ["subscriber_id", "created_at"],
    )
    op.create_table(
        "outbox_batches",
        sa.Column("id", uuid, nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("lease_token", uuid, nullable=False),
        sa.Column("lease_until", time, nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_batches"),
    )
    op.create_index("ix_outbox_batches_lease_until", "outbox_batches", ["lease_until"])
    op.create_table(
        "suppressions",
        sa.Column("address_hash", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("email_key", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("created_at", time, nullable=False),
        sa.PrimaryKeyConstraint("address_hash", "reason", name="pk_suppressions"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", uuid, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("last_used_at", time),
        sa.Column("revoked_at", time),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("name", name="uq_api_keys_name"),
        sa.UniqueConstraint("key_hash", name="uq_api_keys_key_hash"),
    )
    op.create_table(
        "audit_entries",
        sa.Column("id", uuid, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text()),
        sa.Column("detail", json),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_at", "audit_entries", ["at"])


def downgrade() -> None:
    """Drop the tables."""
    for table in (
        "audit_entries",
        "api_keys",
        "suppressions",
        "outbox_batches",
        "outbox_messages",
        "consent_events",
        "subscriptions",
        "subscribers",
        "mailing_lists",
    ):
        op.drop_table(table)
