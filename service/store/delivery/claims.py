"""The worker's side of the outbox: messages are claimed in batches, on a lease.

A batch is what goes to a provider in one call. It keeps its messages until each is settled, so
that a retry of an uncertain call is the same call. The lease is on the batch: one row says whose
it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, UpdateBase, bindparam, func, insert, select, update

from service.domain.delivery.retry import MessageStatus
from service.domain.subscription import LinkScope, MessageKind
from service.store.bulk import rows_of, rows_parameter
from service.store.delivery.outbox import scope_of
from service.store.sql import run, sql
from service.store.tables.delivery import OutboxBatch, OutboxMessage
from service.store.tables.people import Subscriber
from service.store.types import new_id

_GROUP = sql(
    """
UPDATE outbox_messages SET batch_id = given.batch_id FROM ({rows}) AS given
WHERE outbox_messages.id = given.id
""",
    rows=rows_of("id:uuid batch_id:uuid"),
)


def _claim(*, alone: bool) -> UpdateBase:
    due = (
        select(OutboxMessage.id)
        .where(
            OutboxMessage.status == MessageStatus.QUEUED.value,
            OutboxMessage.is_alone.is_(alone),
            OutboxMessage.next_attempt_at <= bindparam("now"),
        )
        .order_by(OutboxMessage.next_attempt_at)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte("due")  # a plain subquery may be run once a row, and then claims too many
    )
    return (
        update(OutboxMessage)
        .where(OutboxMessage.id.in_(select(due.c.id)))
        .values(
            status=MessageStatus.SENDING.value,
            attempts=OutboxMessage.attempts + 1,
            batch_id=bindparam("marker"),
        )
        .returning(OutboxMessage.id)
    )


# What every claim and call runs is built once: building it took most of a worker's time.
_CLAIM = {alone: _claim(alone=alone) for alone in (False, True)}
_ADD_BATCH = insert(OutboxBatch)
_BEGIN_CALL = (
    update(OutboxBatch)
    .where(
        OutboxBatch.id == bindparam("batch"),
        OutboxBatch.lease_token == bindparam("lease"),
        OutboxBatch.lease_until > bindparam("now"),
    )
    .values(called_at=bindparam("now"))
)
_LOAD = (
    select(
        OutboxMessage.batch_id,
        OutboxMessage.id,
        OutboxMessage.kind,
        OutboxMessage.subscriber_id,
        OutboxMessage.refs,
        OutboxMessage.locale,
        OutboxMessage.created_at,
        OutboxMessage.retried_at,
        OutboxMessage.attempts,
        Subscriber.email,
        Subscriber.email_key,
    )
    .join(Subscriber, Subscriber.id == OutboxMessage.subscriber_id)
    .where(
        OutboxMessage.batch_id.in_(bindparam("batches", expanding=True)),
        OutboxMessage.status == MessageStatus.SENDING.value,
    )
    .order_by(OutboxMessage.id)
)
_NEXT_DUE = select(
    *(
        select(func.min(OutboxMessage.next_attempt_at))
        .where(
            OutboxMessage.status == MessageStatus.QUEUED.value, OutboxMessage.is_alone.is_(alone)
        )
        .scalar_subquery()
        .label(name)
        for name, alone in (("together", False), ("alone", True))
    ),
    select(func.min(OutboxBatch.lease_until)).scalar_subquery().label("stale"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMessage:
    """A message to be sent, with the address it goes to."""

    id: UUID
    kind: MessageKind
    scope: LinkScope
    locale: str | None
    email: str
    email_key: str
    created_at: datetime
    window_start: datetime
    """Since when it is tried: `created_at`, or when an operator had it sent again."""
    attempt: int
    """How many attempts there are with this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedBatch:
    """Messages that are ours until `lease_until`, to go in one call."""

    id: UUID
    provider: str
    lease_token: UUID
    lease_until: datetime
    created_at: datetime
    """When it was claimed first: its key is no older."""
    messages: tuple[ClaimedMessage, ...]
    is_retry: bool
    """Whether the call may have been made before: then it is made again just as it was."""


def claim_due(
    connection: Connection,
    *,
    provider: str,
    batch_size: int,
    batches: int,
    now: datetime,
    lease_until: datetime,
    alone: bool = False,
) -> list[ClaimedBatch]:
    """Claim up to `batches` times `batch_size` due messages, longest due first, as fresh batches.

    With `alone` those that go in a call of their own; `batch_size` is 1 then. Other
    workers skip what is being claimed (`FOR UPDATE SKIP LOCKED`; SQLite has one writer).
    """
    token, marker = new_id(), new_id()
    claimed = connection.scalars(
        _CLAIM[alone], {"now": now, "most": batches * batch_size, "marker": marker}
    ).all()
    if not claimed:
        return []
    ids = sorted(claimed)
    groups = [ids[start : start + batch_size] for start in range(0, len(ids), batch_size)]
    batch_ids = [marker, *(new_id() for _ in groups[1:])]
    connection.execute(
        _ADD_BATCH,
        [
            {
                "id": batch_id,
                "provider": provider,
                "lease_token": token,
                "lease_until": lease_until,
                "created_at": now,
            }
            for batch_id in batch_ids
        ],
    )
    if len(groups) > 1:
        rows = [
            {"id": id_, "batch_id": batch_id}
            for batch_id, group in zip(batch_ids[1:], groups[1:], strict=True)
            for id_ in group
        ]
        run(connection, _GROUP, rows=rows_parameter(rows))
    loaded = load_messages(connection, batch_ids)
    return [
        ClaimedBatch(
            id=batch_id,
            provider=provider,
            lease_token=token,
            lease_until=lease_until,
            created_at=now,
            messages=tuple(loaded[batch_id]),
            is_retry=False,
        )
        for batch_id in batch_ids
    ]


def hand_over(
    connection: Connection,
    batch: ClaimedBatch,
    messages: Sequence[ClaimedMessage],
    *,
    provider: str,
) -> ClaimedBatch:
    """Give messages of a batch that was claimed a moment ago to another provider, as a new batch.

    The caller has made sure in the same transaction that the lease is still ours.
    """
    new = replace(batch, id=new_id(), provider=provider, messages=tuple(messages))
    connection.execute(
        insert(OutboxBatch).values(
            id=new.id,
            provider=provider,
            lease_token=new.lease_token,
            lease_until=new.lease_until,
            created_at=new.created_at,
        )
    )
    connection.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.id.in_([each.id for each in messages]),
            OutboxMessage.batch_id == batch.id,
        )
        .values(batch_id=new.id)
    )
    return new


def begin_call(connection: Connection, batch: ClaimedBatch, *, now: datetime) -> bool:
    """Note that the batch's call begins; return False, and note nothing, without the lease."""
    noted = connection.execute(
        _BEGIN_CALL, {"batch": batch.id, "lease": batch.lease_token, "now": now}
    )
    return noted.rowcount == 1


def load_messages(
    connection: Connection, batch_ids: Sequence[UUID]
) -> dict[UUID, list[ClaimedMessage]]:
    """Return what is still to be settled of each of the batches, in the order of the ids."""
    rows = connection.execute(_LOAD, {"batches": batch_ids})
    loaded: dict[UUID, list[ClaimedMessage]] = {batch_id: [] for batch_id in batch_ids}
    for row in rows:
        loaded[row.batch_id].append(
            ClaimedMessage(
                id=row.id,
                kind=MessageKind(row.kind),
                scope=scope_of(row.subscriber_id, row.refs),
                locale=row.locale,
                email=row.email,
                email_key=row.email_key,
                created_at=row.created_at,
                window_start=row.retried_at or row.created_at,
                attempt=row.attempts,
            )
        )
    return loaded


def next_due_at(connection: Connection) -> datetime | None:
    """Return when the next message or stale batch falls due."""
    dues = connection.execute(_NEXT_DUE).one()
    return min((at for at in dues if at is not None), default=None)
