"""Hold that one list at most is the default, and make the row that `/readyz` writes."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

DEFAULT = sa.text("is_default")


def upgrade() -> None:
    """Of several defaults the first by slug stays: it was taken until now."""
    op.execute(
        "UPDATE mailing_lists SET is_default = false WHERE is_default"
        " AND slug <> (SELECT min(slug) FROM mailing_lists WHERE is_default)"
    )
    op.create_index(
        "uq_mailing_lists_default",
        "mailing_lists",
        ["is_default"],
        unique=True,
        postgresql_where=DEFAULT,
        sqlite_where=DEFAULT,
    )
    is_postgres = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "write_probe",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True) if is_postgres else sa.String(27), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name="pk_write_probe"),
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_table("write_probe")
    op.drop_index("uq_mailing_lists_default", "mailing_lists")
