"""Call outbox messages and webhook deliveries that were given up `failed`, not `dead`.

The rows are few, and no others are locked: emails that need a person, and deliveries that are kept
for some days. On PostgreSQL each step is a transaction of its own. Building the index keeps writers
of the outbox waiting, and no readers: 0.8 s for a million emails, on two busy cores.
"""

import sqlalchemy as sa
from alembic import op

from migrations.steps import commit_step

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename the state in the rows, and find those of the outbox by an index of that name."""
    _rename("dead", "failed")


def downgrade() -> None:
    """Rename it back."""
    _rename("failed", "dead")


def _rename(old: str, new: str) -> None:
    for name in ("outbox_messages", "webhook_deliveries"):
        table = sa.table(name, sa.column("status"))
        op.execute(sa.update(table).where(table.c.status == old).values(status=new))
    commit_step()
    condition = sa.text(f"status = '{new}'")
    op.create_index(
        f"ix_outbox_messages_{new}",
        "outbox_messages",
        ["id"],
        postgresql_where=condition,
        sqlite_where=condition,
        if_not_exists=True,
    )
    commit_step()
    op.drop_index(f"ix_outbox_messages_{old}", "outbox_messages", if_exists=True)
