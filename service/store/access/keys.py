"""API keys: found by the hash of what was presented, never by the key itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, RowMapping, insert, or_, select, update

from service.domain.access.key import KeyInfo
from service.domain.access.roles import Role
from service.store.tables.access import ApiKey
from service.store.types import new_id

_COLUMNS = (
    ApiKey.id,
    ApiKey.name,
    ApiKey.role,
    ApiKey.created_at,
    ApiKey.last_used_at,
    ApiKey.revoked_at,
    ApiKey.list_ids,
    ApiKey.expires_at,
)


def _info(row: RowMapping) -> KeyInfo:
    ids = row["list_ids"]
    return KeyInfo(
        **{
            **row,
            "role": Role(row["role"]),
            "list_ids": frozenset(map(UUID, ids)) if ids is not None else None,
        }
    )


def insert_key(
    connection: Connection,
    *,
    name: str,
    role: Role,
    key_hash: str,
    at: datetime,
    list_ids: Sequence[UUID] | None = None,
    expires_at: datetime | None = None,
) -> None:
    """Add a key by its hash."""
    connection.execute(
        insert(ApiKey).values(
            id=new_id(),
            name=name,
            role=role.value,
            key_hash=key_hash,
            created_at=at,
            list_ids=[str(each) for each in list_ids] if list_ids is not None else None,
            expires_at=expires_at,
        )
    )


def live_key(connection: Connection, key_hash: str) -> KeyInfo | None:
    """Return the key with this hash, or None where there is none or it is revoked."""
    query = select(*_COLUMNS).where(ApiKey.key_hash == key_hash, ApiKey.revoked_at.is_(None))
    row = connection.execute(query).mappings().one_or_none()
    return _info(row) if row is not None else None


def all_keys(connection: Connection) -> Sequence[KeyInfo]:
    """Return every key, revoked ones too, oldest first."""
    query = select(*_COLUMNS).order_by(ApiKey.id)
    return [_info(row) for row in connection.execute(query).mappings()]


def revoke_key(connection: Connection, *, name: str, at: datetime) -> bool:
    """Revoke a key; return whether there is one of this name. Again changes nothing."""
    found = connection.execute(select(ApiKey.id).where(ApiKey.name == name)).first()
    connection.execute(
        update(ApiKey).where(ApiKey.name == name, ApiKey.revoked_at.is_(None)).values(revoked_at=at)
    )
    return found is not None


def touch_key(connection: Connection, key_id: UUID, *, at: datetime, every: timedelta) -> None:
    """Note that a key was used, unless that was noted within the time `every` before."""
    connection.execute(
        update(ApiKey)
        .where(
            ApiKey.id == key_id,
            or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= at - every),
        )
        .values(last_used_at=at)
    )
