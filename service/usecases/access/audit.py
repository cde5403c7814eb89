"""What administrators did, newest first."""

from uuid import UUID

from sqlalchemy import Engine

from service.domain.access.audit import AuditRecord
from service.store.access.audit import audit_page
from service.store.database import reading
from service.usecases.paging import Cursors, Page

_CURSORS = Cursors("audit", read=UUID)


class Audit:
    """Reads the audit log."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine."""
        self._engine = engine

    def page(self, *, limit: int, cursor: str | None = None) -> Page[AuditRecord]:
        """Return a page. Raises `InvalidInputError` (cursor)."""
        with reading(self._engine) as connection:
            return _CURSORS.page(
                lambda before, count: audit_page(connection, limit=count, before=before),
                limit=limit,
                cursor=cursor,
                key=lambda entry: entry.id,
            )
