"""Count the events that were not understood without reading the others."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index."""
    counts = sa.text("kind = 'not_understood'")
    op.create_index(
        "ix_provider_events_not_understood",
        "provider_events",
        ["provider"],
        postgresql_where=counts,
        sqlite_where=counts,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_provider_events_not_understood", "provider_events")
