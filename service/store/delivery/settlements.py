"""The results of a batch's messages, written only while the lease is ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, update

from service.domain.delivery.retry import MessageStatus
from service.store.bulk import rows_of, rows_parameter
from service.store.delivery.claims import ClaimedBatch
from service.store.sql import run, sql
from service.store.tables.delivery import OutboxBatch

_SETTLE = sql(
    """
UPDATE outbox_messages SET status = given.status, next_attempt_at = given.next_attempt_at,
    settled_at = given.settled_at, provider = given.provider,
    provider_message_id = given.provider_message_id, attempts = given.attempts,
    last_error = given.error, is_alone = given.alone = 1, batch_id = NULL
FROM ({rows}) AS given
WHERE outbox_messages.id = given.id
""",
    rows=rows_of(
        "id:uuid status:text next_attempt_at:time settled_at:time provider:text "
        "provider_message_id:text attempts:int error:text alone:int"
    ),
)


_OURS = (OutboxBatch.id == bindparam("batch")) & (OutboxBatch.lease_token == bindparam("lease"))
_END_BATCH = delete(OutboxBatch).where(_OURS)
_KEEP_BATCH = update(OutboxBatch).where(_OURS).values(lease_until=bindparam("until"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The next state of one message after its attempt."""

    message_id: UUID
    status: MessageStatus
    next_attempt_at: datetime
    provider: str
    attempts: int
    provider_message_id: str | None = None
    error: str | None = None
    is_alone: bool = False


def settle(
    connection: Connection,
    batch: ClaimedBatch,
    settlements: Sequence[Settlement],
    *,
    retry_at: datetime | None,
    now: datetime,
) -> bool:
    """Write the results of the batch's messages; write nothing and return False without the lease.

    With `retry_at` the batch stays as it is, with those of its messages that are not in
    `settlements`, and may be taken over from then on; without, it is gone.
    """
    ours = {"batch": batch.id, "lease": batch.lease_token}
    if retry_at is None:
        found = connection.execute(_END_BATCH, ours)
    else:
        found = connection.execute(_KEEP_BATCH, {**ours, "until": retry_at})
    if found.rowcount == 0:
        return False
    if settlements:
        rows = [
            {
                "id": each.message_id,
                "status": each.status,
                "next_attempt_at": each.next_attempt_at,
                "settled_at": None if each.status is MessageStatus.QUEUED else now,
                "provider": each.provider,
                "provider_message_id": each.provider_message_id,
                "attempts": each.attempts,
                "error": each.error,
                "alone": int(each.is_alone),
            }
            for each in settlements
        ]
        run(connection, _SETTLE, rows=rows_parameter(rows))
    return True
