"""See which workers run, and with what."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; workers fill it."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    time = sa.DateTime(timezone=True) if is_postgresql else sa.String(27)
    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid() if is_postgresql else sa.String(36), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("public_url", sa.Text(), nullable=False),
        sa.Column("providers", postgresql.JSONB() if is_postgresql else sa.JSON(), nullable=False),
        sa.Column("started_at", time, nullable=False),
        sa.Column("seen_at", time, nullable=False),
        sa.Column("stopped_at", time),
        sa.Column("retention_at", time),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("workers")
