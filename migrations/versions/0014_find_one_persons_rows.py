"""Index what is looked up by person, and who may be forgotten.

On PostgreSQL each index is a transaction of its own. Building one keeps writers of its table
waiting and no readers; dropping one keeps both waiting, for a moment.
"""

import sqlalchemy as sa
from alembic import op

from migrations.steps import commit_step

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PARTIAL = (
    (
        "ix_consent_events_acts",
        "consent_events",
        ["subscriber_id"],
        "kind IN ('confirmed', 'resumed', 'reason_given')",
    ),
    (
        "ix_provider_events_waiting_name",
        "provider_events",
        ["provider", "provider_message_id"],
        "message_id IS NULL",
    ),
    ("ix_subscriptions_pending", "subscriptions", ["requested_at"], "status = 'pending'"),
    ("ix_subscriptions_ended", "subscriptions", ["ended_at"], "status = 'unsubscribed'"),
)


def upgrade() -> None:
    """Build the indexes; the one by person alone gives way to one with their order."""
    op.create_index(
        "ix_consent_events_subscriber_id_at_id",
        "consent_events",
        ["subscriber_id", "at", "id"],
        if_not_exists=True,
    )
    commit_step()
    for name, table, columns, where in PARTIAL:
        condition = sa.text(where)
        op.create_index(
            name,
            table,
            columns,
            postgresql_where=condition,
            sqlite_where=condition,
            if_not_exists=True,
        )
        commit_step()
    op.drop_index("ix_consent_events_subscriber_id", "consent_events", if_exists=True)


def downgrade() -> None:
    """Build the one by person again, and drop the others."""
    op.create_index(
        "ix_consent_events_subscriber_id", "consent_events", ["subscriber_id"], if_not_exists=True
    )
    commit_step()
    op.drop_index("ix_consent_events_subscriber_id_at_id", "consent_events", if_exists=True)
    for name, table, *_ in reversed(PARTIAL):
        commit_step()
        op.drop_index(name, table, if_exists=True)
