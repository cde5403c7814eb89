"""Remember which keys a database was used with, so that others are noticed."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; the next start fills it."""
    op.create_table(
        "key_fingerprints",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("name", "position", name="pk_key_fingerprints"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("key_fingerprints")
