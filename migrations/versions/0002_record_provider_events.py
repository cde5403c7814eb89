"""Record what mail APIs report of mails, each event once."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _types() -> tuple[Any, Any]:
    """Return the types of ids and times on this database."""
    if op.get_bind().dialect.name == "postgresql":
        return sa.Uuid(), sa.DateTime(timezone=True)
    return sa.String(36), sa.String(27)


def upgrade() -> None:
    """Build the table, and the way from a provider's name to our message."""
    uuid, time = _types()
    op.create_table(
        "provider_events",
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("received_at", time, nullable=False),
        sa.Column("message_id", uuid),
        sa.Column("provider_message_id", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.PrimaryKeyConstraint("provider", "event_id", name="pk_provider_events"),
    )
    op.create_index("ix_provider_events_message_id", "provider_events", ["message_id"])
    op.create_index("ix_provider_events_received_at", "provider_events", ["received_at"])
    waiting = sa.text("message_id IS NULL")
    op.create_index(
        "ix_provider_events_waiting",
        "provider_events",
        ["received_at"],
        postgresql_where=waiting,
        sqlite_where=waiting,
    )
    named = sa.text("provider_message_id IS NOT NULL")
    op.create_index(
        "ix_outbox_messages_provider_message_id",
        "outbox_messages",
        ["provider", "provider_message_id"],
        postgresql_where=named,
        sqlite_where=named,
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_outbox_messages_provider_message_id", "outbox_messages")
    op.drop_table("provider_events")
