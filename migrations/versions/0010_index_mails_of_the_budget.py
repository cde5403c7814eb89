"""Find the mails that count against an address's budget without reading the withheld ones."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index."""
    counts = sa.text("status <> 'withheld'")
    op.create_index(
        "ix_outbox_messages_budget",
        "outbox_messages",
        ["subscriber_id", "created_at"],
        postgresql_where=counts,
        sqlite_where=counts,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_outbox_messages_budget", "outbox_messages")
