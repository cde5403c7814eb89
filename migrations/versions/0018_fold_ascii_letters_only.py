"""Know addresses by a key in which A to Z are small and no other letter is folded.

Until now keys were case folded by Unicode's rules, which make one person of those who write `ß` and
`ss`. What is kept as typed says which address each row is about, so rows get the key of that one.

Suppressions are known by a hash of the key: those of a row that gets another key are written again
under that key's hash. The old one goes only where a mail API reported it, for that was about an
email to this row; what was entered, imported or erased may be about either address, and keeps both
from being emailed. A hash without a row stays: nothing tells what it was made of.
"""

import hmac
import string
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BATCH = 500
REPORTED = ("hard_bounce", "complaint")
PROVIDERS = (
    *("brevo", "mailgun", "mailjet", "mailtrap", "postmark", "resend", "scaleway"),
    *("sendgrid", "ses"),
)
SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

PEOPLE = sa.table(
    "subscribers", *(sa.column(name) for name in ("id", "email", "email_key", "updated_at"))
)
HELD = sa.table("held_signups", *(sa.column(name) for name in ("id", "email", "email_key")))
HELD_BY = sa.table(
    "subscriptions",
    *(
        sa.column(name)
        for name in ("subscriber_id", "status", "ended_at", "ended_reason", "updated_at")
    ),
)
SUPPRESSED = sa.table(
    "suppressions",
    *(sa.column(name) for name in ("address_hash", "reason", "email_key", "note", "created_at")),
)


def upgrade() -> None:
    """Give rows the key of what was typed; of two with the same, one ends."""
    _rekey(lambda local: local.translate(SMALL), taken=_retire)


def downgrade() -> None:
    """Fold all letters again. Who would come to the key of somebody else keeps their own.

    Both stay subscribed, suppressed and findable by their links: they are two people, whom the
    code before only cannot tell apart when one of them signs up.
    """
    _rekey(str.casefold, taken=_keep)


def _rekey(fold: Callable[[str], str], *, taken: Callable[[sa.Connection, Any, str], None]) -> None:
    """Give each row its key by `fold`; `taken` decides where another row has that key."""
    hash_key: bytes = context.config.attributes["address_hash_key"]
    connection = op.get_bind()
    for row in _rows(connection, HELD):
        if (key := _key(row, fold)) != row.email_key:
            connection.execute(sa.update(HELD).where(HELD.c.id == row.id).values(email_key=key))
    for row in _rows(connection, PEOPLE):
        key = _key(row, fold)
        if key == row.email_key:
            continue
        if connection.scalar(sa.select(PEOPLE.c.id).where(PEOPLE.c.email_key == key)):
            taken(connection, row, key)
            continue
        connection.execute(sa.update(PEOPLE).where(PEOPLE.c.id == row.id).values(email_key=key))
        _suppress_again(connection, row.email_key, key, hash_key)


def _rows(connection: sa.Connection, table: Any) -> Iterator[Any]:
    """Go through the rows whose address is not ASCII, batch by batch."""
    is_postgres = connection.dialect.name == "postgresql"
    octets = sa.func.octet_length(table.c.email)
    if not is_postgres:
        octets = sa.func.length(sa.cast(table.c.email, sa.LargeBinary))
    query = sa.select(table.c.id, table.c.email, table.c.email_key).where(
        octets != sa.func.length(table.c.email)
    )
    after: Any = None
    while True:
        page = query if after is None else query.where(table.c.id > after)
        rows: Sequence[Any] = connection.execute(page.order_by(table.c.id).limit(BATCH)).all()
        yield from rows
        if len(rows) < BATCH:
            return
        after = rows[-1].id


def _key(row: Any, fold: Callable[[str], str]) -> str:
    local = unicodedata.normalize("NFC", row.email.rpartition("@")[0])
    return f"{fold(local)}@{row.email_key.rpartition('@')[2]}"


def _keep(_connection: sa.Connection, _row: Any, _key: str) -> None:
    """Leave the row as it is."""


def _retire(connection: sa.Connection, row: Any, key: str) -> None:
    """End what is open on a second row of one address: which of the two counts is not known.

    It keeps its links, under a key that no address has.
    """
    connection.execute(
        sa.update(PEOPLE).where(PEOPLE.c.id == row.id).values(email_key=f"{key} {row.id}")
    )
    connection.execute(
        sa.update(HELD_BY)
        .where(HELD_BY.c.subscriber_id == row.id, HELD_BY.c.status != "unsubscribed")
        .values(status="unsubscribed", ended_reason="admin", ended_at=HELD_BY.c.updated_at)
    )


def _suppress_again(connection: sa.Connection, old: str, new: str, hash_key: bytes) -> None:
    old_hash, new_hash = (hmac.digest(hash_key, key.encode(), "sha256").hex() for key in (old, new))
    found = connection.execute(
        sa.select(
            SUPPRESSED.c.reason, SUPPRESSED.c.email_key, SUPPRESSED.c.note, SUPPRESSED.c.created_at
        ).where(SUPPRESSED.c.address_hash == old_hash)
    ).all()
    there = set(
        connection.scalars(
            sa.select(SUPPRESSED.c.reason).where(SUPPRESSED.c.address_hash == new_hash)
        )
    )
    for row in found:
        if row.reason not in there:
            connection.execute(
                sa.insert(SUPPRESSED).values(
                    address_hash=new_hash,
                    reason=row.reason,
                    email_key=row.email_key and new,
                    note=row.note,
                    created_at=row.created_at,
                )
            )
        if row.reason in REPORTED and row.note in PROVIDERS:
            connection.execute(
                sa.delete(SUPPRESSED).where(
                    SUPPRESSED.c.address_hash == old_hash, SUPPRESSED.c.reason == row.reason
                )
            )
