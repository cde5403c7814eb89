"""Create outgoing webhooks, providers' activity, and what retrying a dead message needs."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _types() -> tuple[Any, Any, Any]:
    """Return the types of ids, times and JSON on this database."""
    if op.get_bind().dialect.name == "postgresql":
        return sa.Uuid(), sa.DateTime(timezone=True), postgresql.JSONB()
    return sa.String(36), sa.String(27), sa.JSON()


def upgrade() -> None:
    """Build the tables; add `retried_at` to the outbox."""
    uuid, time, json = _types()
    _partial_index("ix_outbox_messages_dead", "outbox_messages", ["id"], "status = 'dead'")
    op.create_table(
        "webhooks",
        sa.Column("id", uuid, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("events", json, nullable=False),
        sa.Column("mailing_list_id", uuid),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(32)),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused_until", time),
        sa.Column("created_at", time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.ForeignKeyConstraint(
            ["mailing_list_id"],
            ["mailing_lists.id"],
            name="fk_webhooks_mailing_list_id_mailing_lists",
        ),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("webhook_id", uuid, nullable=False),
        sa.Column("event_id", uuid, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("subscriber_id", uuid, nullable=False),
        sa.Column("mailing_list_id", uuid),
        sa.Column("reason", sa.String(32)),
        sa.Column("created_at", time, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("next_attempt_at", time, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_token", uuid),
        sa.Column("last_status", sa.Integer()),
        sa.Column("last_error", sa.String(64)),
        sa.Column("settled_at", time),
        sa.PrimaryKeyConstraint("webhook_id", "event_id", name="pk_webhook_deliveries"),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name="fk_webhook_deliveries_webhook_id_webhooks",
            ondelete="CASCADE",
        ),
    )
    _partial_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["webhook_id", "next_attempt_at"],
        "status = 'queued'",
    )
    op.create_index("ix_webhook_deliveries_created_at", "webhook_deliveries", ["created_at"])
    op.create_table(
        "webhook_attempts",
        sa.Column("id", uuid, nullable=False),
        sa.Column("webhook_id", uuid, nullable=False),
        sa.Column("event_id", uuid, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("status_code", sa.Integer()),
        sa.Column("error", sa.String(64)),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_attempts"),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name="fk_webhook_attempts_webhook_id_webhooks",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_webhook_attempts_webhook_id_id", "webhook_attempts", ["webhook_id", "id"])
    op.create_index("ix_webhook_attempts_at", "webhook_attempts", ["at"])
    op.create_table(
        "provider_activity",
        sa.Column("provider", sa.String(32), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("accepted", "temporary", "rejected", "misconfigured", "unknown")
        ),
        sa.Column("breaker_state", sa.String(16), nullable=False),
        sa.Column("breaker_until", time),
        sa.Column("updated_at", time, nullable=False),
        sa.PrimaryKeyConstraint("provider", name="pk_provider_activity"),
    )
    # Last, for it keeps all who use the outbox waiting until the end of the transaction.
    op.add_column("outbox_messages", sa.Column("retried_at", time))


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    """Drop the tables and the column."""
    for table in ("provider_activity", "webhook_attempts", "webhook_deliveries", "webhooks"):
        op.drop_table(table)
    op.drop_index("ix_outbox_messages_dead", "outbox_messages")
    with op.batch_alter_table("outbox_messages") as batch:
        batch.drop_column("retried_at")
