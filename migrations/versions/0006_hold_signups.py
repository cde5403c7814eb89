"""Hold signups of high risk for review, and know requests by their `Idempotency-Key`."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _types() -> tuple[Any, Any, Any]:
    """Return the types of ids, times and JSON on this database."""
    if op.get_bind().dialect.name == "postgresql":
        return sa.Uuid(), sa.DateTime(timezone=True), JSONB()
    return sa.String(36), sa.String(27), sa.JSON()


def upgrade() -> None:
    """Build the tables."""
    uuid, time, json = _types()
    op.create_table(
        "held_signups",
        sa.Column("id", uuid, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("lists", json, nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("locale", sa.Text()),
        sa.Column("attributes", json),
        sa.Column("source", sa.Text()),
        sa.Column("ip", sa.Text()),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reasons", json, nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_held_signups"),
    )
    op.create_index("ix_held_signups_created_at", "held_signups", ["created_at"])
    op.create_index("ix_held_signups_email_key", "held_signups", ["email_key"])
    op.create_table(
        "idempotency_keys",
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("message_id", uuid, nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("began_at", time, nullable=False),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("idempotency_keys")
    op.drop_table("held_signups")
