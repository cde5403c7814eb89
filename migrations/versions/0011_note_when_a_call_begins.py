"""Note when the call of a batch begins: one that never began may be dissolved at once.

Whatever is under way as this runs may have been called.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the time."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    time = sa.DateTime(timezone=True) if is_postgres else sa.String(27)
    op.add_column("outbox_batches", sa.Column("called_at", time))
    op.execute("UPDATE outbox_batches SET called_at = created_at")


def downgrade() -> None:
    """Forget it."""
    op.drop_column("outbox_batches", "called_at")
