"""Requests known by their `Idempotency-Key`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.store.old_rows import OldRows
from service.store.tables.signup import IdempotencyRecord

IDEMPOTENCY_KEYS = OldRows(IdempotencyRecord, IdempotencyRecord.created_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a request that came before under the same key."""

    body_hash: str
    message_id: UUID
    created_at: datetime
    began_at: datetime
    is_done: bool


def insert_key(
    connection: Connection, *, key_hash: str, body_hash: str, message_id: UUID, at: datetime
) -> bool:
    """Note that a request is begun; return False where the key is known already.

    Where another transaction is about to note the same key, this one waits for it.
    """
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert
    statement = (
        insert(IdempotencyRecord)
        .values(
            key_hash=key_hash,
            body_hash=body_hash,
            message_id=message_id,
            created_at=at,
            began_at=at,
            is_done=False,
        )
        .on_conflict_do_nothing(index_elements=["key_hash"])
        .returning(IdempotencyRecord.key_hash)
    )
    return connection.execute(statement).first() is not None


def find_key(connection: Connection, key_hash: str) -> Known | None:
    """Return what is known under the key."""
    row = connection.execute(
        select(
            IdempotencyRecord.body_hash,
            IdempotencyRecord.message_id,
            IdempotencyRecord.created_at,
            IdempotencyRecord.began_at,
            IdempotencyRecord.is_done,
        ).where(IdempotencyRecord.key_hash == key_hash)
    ).mappings()
    found = row.one_or_none()
    return Known(**found) if found is not None else None


def begin_again(connection: Connection, key_hash: str, *, began_at: datetime, at: datetime) -> bool:
    """Take over a request that was begun at `began_at` and never done; return whether we may."""
    statement = (
        update(IdempotencyRecord)
        .where(
            IdempotencyRecord.key_hash == key_hash,
            IdempotencyRecord.began_at == began_at,
            IdempotencyRecord.is_done.is_(False),
        )
        .values(began_at=at)
    )
    return connection.execute(statement).rowcount == 1


def mark_done(connection: Connection, key_hash: str) -> None:
    """Note that the request was worked on to its end."""
    connection.execute(
        update(IdempotencyRecord).where(IdempotencyRecord.key_hash == key_hash).values(is_done=True)
    )


def delete_key(connection: Connection, key_hash: str) -> None:
    """Forget a request that failed, so that it can be sent again."""
    connection.execute(delete(IdempotencyRecord).where(IdempotencyRecord.key_hash == key_hash))
