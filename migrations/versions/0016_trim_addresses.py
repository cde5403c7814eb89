"""Take white space from around addresses: imports kept what stood behind the domain.

The key of each was made without it. Subscriptions count as changed, so that an export of changes
tells others of the right address. Consent events stay as they were sealed.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_SPACE = " \t\n\r\v\f\x1c\x1d\x1e\x1f"


_SUBSCRIPTIONS = """
UPDATE subscriptions SET updated_at = :now WHERE subscriber_id IN
    (SELECT id FROM subscribers WHERE email <> trim(email, :space))
"""
_SUBSCRIBERS = """
UPDATE subscribers SET email = trim(email, :space), updated_at = :now
WHERE email <> trim(email, :space)
"""


def upgrade() -> None:
    """Trim the addresses, in one statement each for people and their subscriptions."""
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    now = datetime.now(UTC)
    given = {"space": _SPACE, "now": f"{now:%Y-%m-%dT%H:%M:%S.%fZ}" if is_sqlite else now}
    for statement in (_SUBSCRIPTIONS, _SUBSCRIBERS):
        # Only PostgreSQL has a name of its own for it.
        sql = statement if is_sqlite else statement.replace("trim(", "btrim(")
        connection.execute(sa.text(sql), given)


def downgrade() -> None:
    """Leave the addresses as they are: nobody needs the white space."""
