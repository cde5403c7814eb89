"""Counts of what happened on each day, and up to which place in the chain events are in them.

Nothing is counted here. A worker counts from the first event on, 2,000 at a time, and until it has
caught up the rest is read beside the counts.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    id_: Any = sa.Uuid() if is_postgresql else sa.String(36)
    op.create_table(
        "daily_acts",
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("mailing_list_id", id_, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "mailing_list_id", "kind", name="pk_daily_acts"),
    )
    op.create_table(
        "daily_acts_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_daily_acts_head"),
    )
    op.execute("INSERT INTO daily_acts_head (id, position) VALUES (1, 0)")


def downgrade() -> None:
    """Drop them."""
    op.drop_table("daily_acts_head")
    op.drop_table("daily_acts")
