"""Batches whose lease ran out: their worker died, or its call is to be made again."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, delete, or_, select, update

from service.domain.delivery.retry import MessageStatus
from service.store.delivery.claims import ClaimedBatch, load_messages
from service.store.tables.delivery import OutboxBatch, OutboxMessage
from service.store.types import new_id


def requeue_stale(
    connection: Connection,
    *,
    keys_hold_since: Mapping[str, datetime],
    hand_on: Sequence[str],
    called_before: datetime,
    now: datetime,
) -> int:
    """Dissolve batches whose lease ran out: their messages are due again, with any provider.

    Those that were never called are, without an attempt spent. Of the others only those called
    before `called_before`: the rest have to wait; and of these, a batch of a provider in
    `keys_hold_since` that is younger than that time stays for the same call again, unless its
    provider is in `hand_on`. Returns how many messages are due again.
    """
    stale = (
        select(OutboxBatch.id)
        .where(
            OutboxBatch.lease_until <= now,
            or_(
                OutboxBatch.called_at.is_(None),
                and_(
                    OutboxBatch.called_at <= called_before,
                    or_(
                        OutboxBatch.provider.not_in(keys_hold_since),
                        OutboxBatch.provider.in_(hand_on),
                        *(
                            and_(OutboxBatch.provider == provider, OutboxBatch.created_at <= since)
                            for provider, since in keys_hold_since.items()
                        ),
                    ),
                ),
            ),
        )
        .limit(100)
        .with_for_update(skip_locked=True)
        .cte("stale")
    )
    gone = connection.execute(
        delete(OutboxBatch)
        .where(OutboxBatch.id.in_(select(stale.c.id)))
        .returning(OutboxBatch.id, OutboxBatch.called_at)
    ).all()
    requeued = 0
    for was_called in (True, False):
        ids = [row.id for row in gone if (row.called_at is not None) is was_called]
        if ids:
            requeued += connection.execute(
                update(OutboxMessage)
                .where(
                    OutboxMessage.batch_id.in_(ids),
                    OutboxMessage.status == MessageStatus.SENDING.value,
                )
                .values(
                    status=MessageStatus.QUEUED.value,
                    next_attempt_at=now,
                    batch_id=None,
                    attempts=OutboxMessage.attempts - int(not was_called),
                )
            ).rowcount
    return requeued


def claim_stale(
    connection: Connection,
    *,
    providers: Sequence[str],
    now: datetime,
    lease_until: datetime,
) -> ClaimedBatch | None:
    """Take over the called batch of these providers whose lease ran out first, for the same call
    again.
    """
    token = new_id()
    stale = (
        select(OutboxBatch.id)
        .where(
            OutboxBatch.lease_until <= now,
            OutboxBatch.called_at.is_not(None),
            OutboxBatch.provider.in_(providers),
        )
        .order_by(OutboxBatch.lease_until)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("stale")
    )
    row = connection.execute(
        update(OutboxBatch)
        .where(OutboxBatch.id.in_(select(stale.c.id)))
        .values(lease_token=token, lease_until=lease_until)
        .returning(OutboxBatch.id, OutboxBatch.provider, OutboxBatch.created_at)
    ).first()
    if row is None:
        return None
    connection.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.batch_id == row.id,
            OutboxMessage.status == MessageStatus.SENDING.value,
        )
        .values(attempts=OutboxMessage.attempts + 1)
    )
    return ClaimedBatch(
        id=row.id,
        provider=row.provider,
        lease_token=token,
        lease_until=lease_until,
        created_at=row.created_at,
        messages=tuple(load_messages(connection, [row.id])[row.id]),
        is_retry=True,
    )
