"""What may have changed between a mail's being owed and its being sent."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, select

from service.domain.subscription import Cycles, SuppressionReason
from service.store.bulk import execute_bulk, rows_parameter
from service.store.models import Suppression

_ENDED = """
SELECT CAST(asked.id AS text) FROM ({rows}) AS asked
LEFT JOIN subscriptions AS known ON known.subscriber_id = asked.subscriber_id
    AND known.mailing_list_id = asked.list_id AND known.epoch = asked.epoch
    AND known.status <> 'unsubscribed'
GROUP BY asked.id HAVING count(known.status) = 0
"""


def suppressed(connection: Connection, hashes: Sequence[str]) -> dict[str, list[SuppressionReason]]:
    """Return why which of these addresses (by keyed hash) are not to be mailed."""
    rows = connection.execute(
        select(Suppression.address_hash, Suppression.reason).where(
            Suppression.address_hash.in_(hashes)
        )
    )
    reasons: dict[str, list[SuppressionReason]] = {}
    for row in rows:
        reasons.setdefault(row.address_hash, []).append(SuppressionReason(row.reason))
    return reasons


def ended(connection: Connection, messages: Mapping[UUID, Cycles]) -> frozenset[UUID]:
    """Return which of these messages speak of nothing but cycles that are over."""
    asked = [
        {
            "id": message_id,
            "subscriber_id": cycles.subscriber_id,
            "list_id": ref.mailing_list_id,
            "epoch": ref.epoch,
        }
        for message_id, cycles in messages.items()
        for ref in cycles.refs
    ]
    found = execute_bulk(
        connection,
        _ENDED,
        columns="id:uuid subscriber_id:uuid list_id:uuid epoch:int",
        rows=rows_parameter(asked),
    )
    return frozenset(UUID(row[0]) for row in found)
