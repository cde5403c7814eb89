"""Addresses that are not to be mailed, by keyed hash."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from service.domain.subscription import SuppressionReason
from service.store.bulk import execute_bulk, rows_parameter

_SUPPRESS = """
INSERT INTO suppressions (address_hash, reason, email_key, note, created_at)
SELECT address_hash, reason, email_key, note, created_at
FROM ({rows}) AS given WHERE true ORDER BY address_hash, reason
ON CONFLICT (address_hash, reason) DO NOTHING
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSuppression:
    """An address not to be mailed from now on."""

    address_hash: str
    email_key: str
    reason: SuppressionReason
    note: str
    at: datetime


def suppress(connection: Connection, suppressions: Iterable[NewSuppression]) -> None:
    """Keep the addresses from being mailed; what is there already stays as it is."""
    rows = [
        {
            "address_hash": each.address_hash,
            "reason": each.reason,
            "email_key": each.email_key,
            "note": each.note,
            "created_at": each.at,
        }
        for each in suppressions
    ]
    if rows:
        execute_bulk(
            connection,
            _SUPPRESS,
            columns="address_hash:text reason:text email_key:text note:text created_at:time",
            rows=rows_parameter(rows),
        )
