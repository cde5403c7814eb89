"""Let an admin session belong to a person whom an identity provider named."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; sessions that exist belong to a key or a one-time link."""
    op.add_column("admin_sessions", sa.Column("person", sa.String(255)))
    op.add_column("admin_sessions", sa.Column("admission", sa.String(64)))


def downgrade() -> None:
    """Drop the columns, and end the sessions that only they tell from a one-time link's."""
    op.execute("DELETE FROM admin_sessions WHERE person IS NOT NULL")
    op.drop_column("admin_sessions", "admission")
    op.drop_column("admin_sessions", "person")
