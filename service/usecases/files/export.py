"""Export: who is on the lists, as a file that streams. Each leaves an entry in the audit log.

The entry is there before the first row leaves. Once the file is whole, it becomes the manifest: how
many rows and bytes, and their SHA-256.
"""

import hashlib
from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.errors import InvalidInputError, UnknownListError
from service.domain.files.exchange import (
    DELTA_COLUMNS,
    EXPORT_COLUMNS,
    EXTRA_COLUMNS,
    GUARDED_COLUMNS,
    FileFormat,
)
from service.domain.files.presets import GUARDED_FOR_TOOLS, PRESET_COLUMNS, Preset
from service.domain.subscription import LinkScope, Status
from service.domain.text import check_text
from service.store.access.audit import complete_audit, insert_audit
from service.store.files import exports as store
from service.store.files.export_query import Selection
from service.store.files.exports import RowCount
from service.store.types import new_id
from service.tokens import UnsubscribeTokens
from service.usecases.lists.lists import Lists

EXPORTED = "subscribers.exported"
"""What the audit log calls an export."""

MAX_PURPOSE_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What to export. `list` is a slug; no columns means the usual ones, or the preset's."""

    format: FileFormat = FileFormat.CSV
    list: str | None = None
    status: Status | None = None
    """If left out, a preset exports the confirmed only: a tool emails everybody in its file."""
    locale: str | None = None
    source: str | None = None
    requested_from: datetime | None = None
    requested_to: datetime | None = None
    """Those requested before this time."""
    columns: Sequence[str] = ()
    since: datetime | None = None
    """Only what changed at this time or later, unsubscribed people included. With the columns `id`
    and `erased_at`, which are then among the usual ones, erased people too."""
    preset: Preset | None = None
    """A tool's columns. Suppressed addresses are left out, except among unsubscribed people."""
    bom: bool = False
    """Whether a CSV file begins with a byte order mark."""
    purpose: str | None = None
    """What the file is for, in the administrator's words; the audit log keeps it."""
    scope: Collection[UUID] | None = None
    """The lists that the caller may see; None means all."""


class ExportStream(Iterator[bytes]):
    """The file in blocks. The first is read at once, so that a query that fails does so before it.

    An error in the middle is raised, never swallowed. `close` ends the query at any time.
    """

    def __init__(
        self,
        engine: Engine,
        blocks: Generator[bytes, None, None],
        *,
        export_id: UUID,
        row_count: RowCount,
        detail: dict[str, Any],
    ) -> None:
        """Begin reading. `detail` is what the audit entry `export_id` says so far."""
        self.id = export_id
        self._engine = engine
        self._blocks = blocks
        self._row_count = row_count
        self._detail = detail
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._error: Exception | None = None
        self._ahead = self._read()

    def __next__(self) -> bytes:
        """Return the next block; before the last one the audit entry is completed."""
        if self._error is not None:
            raise self._error
        block = self._ahead
        if block is None:
            raise StopIteration
        try:
            self._ahead = self._read()
        except Exception as error:  # noqa: BLE001 - raised once the block in hand is given
            self._error = error
        return block

    def close(self) -> None:
        """Let the connection go."""
        self._ahead = None
        self._blocks.close()

    def _read(self) -> bytes | None:
        """Read a block, or complete the audit entry where there is none."""
        block = next(self._blocks, None)
        if block is None:
            self._complete()
        else:
            self._hash.update(block)
            self._bytes += len(block)
        return block

    def _complete(self) -> None:
        self._detail.update(
            is_complete=True,
            rows=self._row_count.rows,
            bytes=self._bytes,
            sha256=self._hash.hexdigest(),
            completed_at=utc_now().isoformat(),
        )
        with self._engine.begin() as connection:
            complete_audit(connection, self.id, detail=self._detail)


class Export:
    """Streams subscriptions."""

    def __init__(
        self, engine: Engine, *, lists: Lists, tokens: UnsubscribeTokens, public_url: str
    ) -> None:
        """Take what the use case works with; `public_url` starts each unsubscribe link."""
        self._engine = engine
        self._lists = lists
        self._tokens = tokens
        self._public_url = public_url

    def __call__(self, request: ExportRequest, *, actor: str) -> ExportStream:
        """Begin an export.

        Raises `InvalidInputError` (columns, format, purpose) and `UnknownListError`, also for a
        list outside the scope.
        """
        selection = self._selection(request)
        export_id, detail = new_id(), _detail(request, selection)
        with self._engine.begin() as connection:
            insert_audit(
                connection,
                entry_id=export_id,
                at=utc_now(),
                actor=actor,
                action=EXPORTED,
                target=request.list,
                detail=detail,
            )
        row_count = RowCount()
        return ExportStream(
            self._engine,
            store.export_blocks(self._engine, selection, self._link, row_count),
            export_id=export_id,
            row_count=row_count,
            detail=detail,
        )

    def _selection(self, request: ExportRequest) -> Selection:
        check_text("purpose", request.purpose)
        if request.purpose and len(request.purpose) > MAX_PURPOSE_LENGTH:
            raise InvalidInputError("purpose", f"Use at most {MAX_PURPOSE_LENGTH} characters.")
        if request.bom and request.format is not FileFormat.CSV:
            raise InvalidInputError("bom", "Only a CSV file has a byte order mark.")
        list_id = self._lists.get(request.list).id if request.list else None
        if list_id is not None and request.scope is not None and list_id not in request.scope:
            raise UnknownListError(request.list)
        columns, status = _known_columns(request), request.status
        titles: tuple[str, ...] = ()
        if request.preset is not None:
            table = PRESET_COLUMNS[request.preset]
            columns, titles = tuple(table.values()), tuple(table)
            status = status or Status.CONFIRMED
        return Selection(
            format=request.format,
            columns=columns,
            titles=titles,
            guarded=GUARDED_FOR_TOOLS if request.preset else GUARDED_COLUMNS,
            has_mark=request.bom,
            list_id=list_id,
            list_ids=tuple(request.scope) if request.scope is not None else None,
            status=status,
            locale=request.locale,
            source=request.source,
            requested_from=request.requested_from,
            requested_to=request.requested_to,
            since=request.since,
            without_suppressed=request.preset is not None and status is not Status.UNSUBSCRIBED,
        )

    def _link(self, scope: LinkScope, requested_at: datetime) -> str:
        return f"{self._public_url}/unsubscribe/{self._tokens.issue(scope, at=requested_at)}"


def _detail(request: ExportRequest, selection: Selection) -> dict[str, Any]:
    """Return what the audit entry says of the file before it is written."""
    filters = {
        "list": request.list,
        "status": selection.status,
        "locale": request.locale,
        "source": request.source,
        "from": request.requested_from,
        "to": request.requested_to,
        "since": request.since,
    }
    return {
        "is_complete": False,
        "format": request.format,
        "preset": request.preset,
        "columns": list(selection.header),
        "filters": {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in filters.items()
            if value is not None
        },
        "purpose": request.purpose,
    }


def _known_columns(request: ExportRequest) -> tuple[str, ...]:
    """Return the columns asked for, each once and in the order asked, or raise."""
    if request.preset is not None and request.columns:
        raise InvalidInputError("columns", "Give columns or a preset, not both.")
    for name in request.columns:
        if name not in EXPORT_COLUMNS + EXTRA_COLUMNS:
            raise InvalidInputError(
                "columns", f"Use some of {', '.join(EXPORT_COLUMNS + EXTRA_COLUMNS)}."
            )
    usual = EXPORT_COLUMNS + DELTA_COLUMNS if request.since is not None else EXPORT_COLUMNS
    return tuple(dict.fromkeys(request.columns)) or usual
