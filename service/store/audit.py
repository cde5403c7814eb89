"""The log of what administrators did. Entries are only added, and hold ids, never addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select

from service.store.models import AuditEntry
from service.store.types import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One entry: `actor` did `action` to `target` (an id, a slug or a key's name)."""

    id: UUID
    at: datetime
    actor: str
    action: str
    target: str | None
    detail: dict[str, Any] | None


def insert_audit(
    connection: Connection,
    *,
    at: datetime,
    actor: str,
    action: str,
    target: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry. `action` is "thing.verb" in the past tense; `detail` holds no personal data."""
    connection.execute(
        insert(AuditEntry).values(
            id=new_id(),
            at=at,
            actor=actor,
            action=action,
            target=target,
            detail=dict(detail) if detail is not None else None,
        )
    )


def audit_page(
    connection: Connection, *, limit: int, before: UUID | None = None
) -> Sequence[AuditRecord]:
    """Return the newest entries, or those older than the entry `before`, newest first."""
    query = select(AuditEntry.__table__).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return [AuditRecord(**row) for row in connection.execute(query).mappings()]
