"""Leave senders alone that a provider refuses, and note why a provider refused the last call."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the table and the column."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    time = sa.DateTime(timezone=True) if is_postgresql else sa.String(27)
    op.create_table(
        "sender_pauses",
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(64), nullable=False),
        sa.Column("refused_at", time, nullable=False),
        sa.Column("paused_until", time, nullable=False),
        sa.PrimaryKeyConstraint("provider", "sender", name="pk_sender_pauses"),
    )
    op.add_column("provider_activity", sa.Column("last_error", sa.String(64)))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("provider_activity", "last_error")
    op.drop_table("sender_pauses")
