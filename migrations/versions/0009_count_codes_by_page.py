"""Count wrong codes by status page, whether its signup was taken or held."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _types() -> tuple[Any, Any]:
    """Return the types of ids and times on this database."""
    if op.get_bind().dialect.name == "postgresql":
        return sa.Uuid(), sa.DateTime(timezone=True)
    return sa.String(36), sa.String(27)


def upgrade() -> None:
    """Build the table; what was counted moves there."""
    uuid, time = _types()
    op.create_table(
        "code_tries",
        sa.Column("message_id", uuid, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_code_tries"),
    )
    op.create_index("ix_code_tries_at", "code_tries", ["at"])
    op.execute(
        "INSERT INTO code_tries (message_id, tries, at)"
        " SELECT id, code_tries, created_at FROM outbox_messages WHERE code_tries > 0"
    )
    op.drop_column("outbox_messages", "code_tries")


def downgrade() -> None:
    """Count on the messages again; what was typed for held signups is forgotten."""
    op.add_column(
        "outbox_messages",
        sa.Column("code_tries", sa.Integer(), server_default="0", nullable=False),
    )
    op.execute(
        "UPDATE outbox_messages SET code_tries = code_tries.tries FROM code_tries"
        " WHERE code_tries.message_id = outbox_messages.id"
    )
    op.drop_table("code_tries")
