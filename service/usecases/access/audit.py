"""What administrators did, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from service.store.access.audit import AuditRecord, audit_page
from service.store.database import reading
from service.usecases.paging import cursor_of, id_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """A page of the log; `next_cursor` is None on the last one."""

    entries: Sequence[AuditRecord]
    next_cursor: str | None


class Audit:
    """Reads the audit log."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine."""
        self._engine = engine

    def page(self, *, limit: int, cursor: str | None = None) -> AuditPage:
        """Return a page. Raises `InvalidInputError` (cursor)."""
        before = id_of(cursor) if cursor else None
        with reading(self._engine) as connection:
            found = audit_page(connection, limit=limit + 1, before=before)
        shown = found[:limit]
        return AuditPage(
            entries=shown, next_cursor=cursor_of(shown[-1].id) if len(found) > limit else None
        )
