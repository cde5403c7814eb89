"""Manifests: what each export was, as the audit log has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from service.domain.access.audit import AuditRecord
from service.domain.errors import NotFoundError
from service.store.access.audit import audit_page, find_audit
from service.store.database import reading
from service.usecases.files.export import EXPORTED
from service.usecases.paging import Cursors, Page

_CURSORS = Cursors("exports", read=UUID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an export was: who asked for what and when, and the file's rows, bytes and SHA-256.

    An export that broke off, or is still under way, is not complete and has none of the last.
    """

    id: UUID
    at: datetime
    actor: str
    is_complete: bool
    format: str
    preset: str | None
    columns: Sequence[str]
    filters: Mapping[str, str]
    purpose: str | None
    rows: int | None
    bytes: int | None
    sha256: str | None
    completed_at: datetime | None


class Exports:
    """Reads manifests."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine."""
        self._engine = engine

    def get(self, export_id: UUID, *, actor: str | None = None) -> Manifest:
        """Return one, among `actor`'s own where given. Raises `NotFoundError`."""
        with reading(self._engine) as connection:
            found = find_audit(connection, export_id)
        if found is None or found.action != EXPORTED or actor not in (None, found.actor):
            raise NotFoundError(export_id)
        return _manifest(found)

    def page(
        self, *, limit: int, cursor: str | None = None, actor: str | None = None
    ) -> Page[Manifest]:
        """Return a page, newest first, of `actor`'s own exports where given.

        Raises `InvalidInputError` (cursor).
        """
        with reading(self._engine) as connection:
            page = _CURSORS.page(
                lambda before, count: audit_page(
                    connection, limit=count, before=before, action=EXPORTED, actor=actor
                ),
                limit=limit,
                cursor=cursor,
                key=lambda entry: entry.id,
            )
        return Page(items=[_manifest(each) for each in page.items], next_cursor=page.next_cursor)


def _manifest(entry: AuditRecord) -> Manifest:
    detail: Mapping[str, Any] = entry.detail or {}
    completed_at = detail.get("completed_at")
    return Manifest(
        id=entry.id,
        at=entry.at,
        actor=entry.actor,
        is_complete=detail.get("is_complete", False),
        format=detail.get("format", ""),
        preset=detail.get("preset"),
        columns=detail.get("columns", []),
        filters=detail.get("filters", {}),
        purpose=detail.get("purpose"),
        rows=detail.get("rows"),
        bytes=detail.get("bytes"),
        sha256=detail.get("sha256"),
        completed_at=datetime.fromisoformat(completed_at) if completed_at else None,
    )
