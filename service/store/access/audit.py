"""The log of what administrators did. Entries are only added, and hold ids, never an address of a
subscriber; who acts may be an account at an identity provider, and then goes by its name.

The one of an export is completed once, when the file is.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from service.domain.access.audit import AuditRecord
from service.store.old_rows import OldRows
from service.store.tables.access import AuditEntry
from service.store.types import new_id

AUDIT_ENTRIES = OldRows(AuditEntry, AuditEntry.at)


def insert_audit(
    connection: Connection,
    *,
    at: datetime,
    actor: str,
    action: str,
    target: str | None = None,
    detail: Mapping[str, Any] | None = None,
    entry_id: UUID | None = None,
) -> None:
    """Add an entry. `action` is "thing.verb" in the past tense; `detail` holds no personal data."""
    connection.execute(
        insert(AuditEntry).values(
            id=entry_id or new_id(),
            at=at,
            actor=actor,
            action=action,
            target=target,
            detail=dict(detail) if detail is not None else None,
        )
    )


def complete_audit(connection: Connection, entry_id: UUID, *, detail: Mapping[str, Any]) -> None:
    """Say in an entry what could not be known when it was added."""
    connection.execute(
        update(AuditEntry).where(AuditEntry.id == entry_id).values(detail=dict(detail))
    )


def find_audit(connection: Connection, entry_id: UUID) -> AuditRecord | None:
    """Return the entry, or None."""
    query = select(AuditEntry.__table__).where(AuditEntry.id == entry_id)
    row = connection.execute(query).mappings().one_or_none()
    return AuditRecord(**row) if row is not None else None


def audit_page(
    connection: Connection,
    *,
    limit: int,
    before: UUID | None = None,
    action: str | None = None,
    actor: str | None = None,
) -> Sequence[AuditRecord]:
    """Return the newest entries, or those older than the entry `before`, newest first.

    Only those of one action or actor, where given.
    """
    query = select(AuditEntry.__table__).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    if action is not None:
        query = query.where(AuditEntry.action == action)
    if actor is not None:
        query = query.where(AuditEntry.actor == actor)
    return [AuditRecord(**row) for row in connection.execute(query).mappings()]


def audit_actors(
    connection: Connection, *, action: str, since: datetime, limit: int
) -> Sequence[str]:
    """Return who did this since then, once for each time."""
    query = select(AuditEntry.actor).where(AuditEntry.at > since, AuditEntry.action == action)
    return list(connection.scalars(query.limit(limit)))
