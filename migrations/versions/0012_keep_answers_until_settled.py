"""Keep what a provider answered until the messages of the call are settled."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the answer."""
    op.add_column("outbox_batches", sa.Column("answer", sa.Text))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("outbox_batches", "answer")
