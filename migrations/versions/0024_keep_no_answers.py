"""Keep no answers of providers: settling reads them from the call itself (docs/adr/0009).

An answer that still waits is lost with the column, and its call counts as one of unknown outcome.
Stop the workers first: those that end in good order settle what they have called.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the column. The table has a row for each call under way, so this takes no time."""
    op.drop_column("outbox_batches", "answer")


def downgrade() -> None:
    """Add it, empty."""
    op.add_column("outbox_batches", sa.Column("answer", sa.Text))
