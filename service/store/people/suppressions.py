"""Addresses that get no email, by keyed hash."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, select, tuple_, update

from service.domain.person import SuppressionInfo
from service.domain.subscription import SuppressionReason
from service.store.bulk import rows_of, rows_parameter
from service.store.sql import run, sql
from service.store.tables.people import Suppression as Row

_SUPPRESS = sql(
    """
INSERT INTO suppressions (address_hash, reason, email_key, note, created_at)
SELECT address_hash, reason, email_key, note, created_at
FROM ({rows}) AS given WHERE true ORDER BY address_hash, reason
ON CONFLICT (address_hash, reason) DO UPDATE SET email_key = excluded.email_key
WHERE suppressions.email_key IS NULL AND excluded.email_key IS NOT NULL
""",
    rows=rows_of("address_hash:text reason:text email_key:text note:text created_at:time"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSuppression:
    """An address that gets no email from now on."""

    address_hash: str
    email_key: str | None
    """None if the person is erased."""
    reason: SuppressionReason
    note: str | None
    at: datetime


def suppress(connection: Connection, suppressions: Iterable[NewSuppression]) -> None:
    """Suppress the addresses.

    Existing rows are unchanged, except that an erased address that returned is matched by exports
    again.
    """
    # One row for each: PostgreSQL does not update a row twice in one statement.
    single: dict[tuple[str, SuppressionReason], NewSuppression] = {}
    for given in suppressions:
        single.setdefault((given.address_hash, given.reason), given)
    rows = [
        {
            "address_hash": each.address_hash,
            "reason": each.reason,
            "email_key": each.email_key,
            "note": each.note,
            "created_at": each.at,
        }
        for each in single.values()
    ]
    if rows:
        run(connection, _SUPPRESS, rows=rows_parameter(rows))


def suppressions_page(
    connection: Connection,
    *,
    limit: int,
    after: tuple[str, str] | None = None,
    address_hash: str | None = None,
) -> Sequence[SuppressionInfo]:
    """Return suppressions in order of hash and reason, those after `after`, or one address's."""
    query = select(Row.address_hash, Row.reason, Row.email_key, Row.note, Row.created_at)
    query = query.order_by(Row.address_hash, Row.reason).limit(limit)
    if after is not None:
        query = query.where(tuple_(Row.address_hash, Row.reason) > after)
    if address_hash is not None:
        query = query.where(Row.address_hash == address_hash)
    return [_info(row) for row in connection.execute(query).mappings()]


def lift(connection: Connection, *, address_hash: str, reason: SuppressionReason) -> bool:
    """Remove this reason from the address; return whether it was there."""
    found = connection.execute(
        delete(Row).where(Row.address_hash == address_hash, Row.reason == reason.value)
    )
    return bool(found.rowcount)


def forget_address(connection: Connection, *, address_hash: str) -> None:
    """Leave only the keyed hash of a suppressed address: the person is erased."""
    connection.execute(
        update(Row).where(Row.address_hash == address_hash).values(email_key=None, note=None)
    )


def _info(row: RowMapping) -> SuppressionInfo:
    return SuppressionInfo(**{**row, "reason": SuppressionReason(row["reason"])})
