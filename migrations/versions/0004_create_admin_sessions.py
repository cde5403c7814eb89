"""Create what signing in to the admin pages needs: one-time links and sessions."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _types() -> tuple[Any, Any]:
    """Return the types of ids and times on this database."""
    if op.get_bind().dialect.name == "postgresql":
        return sa.Uuid(), sa.DateTime(timezone=True)
    return sa.String(36), sa.String(27)


def upgrade() -> None:
    """Build the tables."""
    uuid, time = _types()
    op.create_table(
        "admin_links",
        sa.Column("id", uuid, nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_admin_links"),
    )
    op.create_table(
        "admin_sessions",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("api_key_id", uuid),
        sa.Column("created_at", time, nullable=False),
        sa.Column("last_used_at", time, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_admin_sessions"),
        sa.ForeignKeyConstraint(
            ["api_key_id"],
            ["api_keys.id"],
            name="fk_admin_sessions_api_key_id_api_keys",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("admin_sessions")
    op.drop_table("admin_links")
