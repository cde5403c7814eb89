"""Let an API key be for some lists only, and end by itself."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; keys that exist are for all lists and do not end."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    op.add_column("api_keys", sa.Column("list_ids", JSONB() if is_postgres else sa.JSON()))
    op.add_column(
        "api_keys",
        sa.Column("expires_at", sa.DateTime(timezone=True) if is_postgres else sa.String(27)),
    )


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("api_keys", "expires_at")
    op.drop_column("api_keys", "list_ids")
