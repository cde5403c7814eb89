"""Export: who is on the lists, as a file that streams. Each leaves an entry in the audit log."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.errors import InvalidInputError
from service.domain.exchange import EXPORT_COLUMNS, EXTRA_COLUMNS, FileFormat
from service.domain.subscription import Cycles, Status
from service.store import exports as store
from service.store.audit import insert_audit
from service.store.exports import Selection
from service.tokens import UnsubscribeTokens
from service.usecases.lists import Lists


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What is asked for. `list` is a slug; no columns means the usual ones."""

    format: FileFormat = FileFormat.CSV
    list: str | None = None
    status: Status | None = None
    columns: Sequence[str] = ()
    since: datetime | None = None
    """Only what has changed at this time or later, also those who have left."""


class ExportStream(Iterator[bytes]):
    """The file in blocks. The first is read at once, so that a query that fails does so before it.

    An error in the middle is raised, never swallowed. `close` ends the query at any time.
    """

    def __init__(self, blocks: Generator[bytes, None, None]) -> None:
        """Begin reading."""
        self._blocks = blocks
        self._first: bytes | None = next(blocks, None)

    def __next__(self) -> bytes:
        """Return the next block."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return next(self._blocks)

    def close(self) -> None:
        """Let the connection go."""
        self._first = None
        self._blocks.close()


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
        """Begin an export. Raises `InvalidInputError` (columns) and `UnknownListError`."""
        selection = Selection(
            format=request.format,
            columns=_known_columns(request.columns),
            list_id=self._lists.get(request.list).id if request.list else None,
            status=request.status,
            since=request.since,
        )
        with self._engine.begin() as connection:
            insert_audit(
                connection,
                at=utc_now(),
                actor=actor,
                action="subscribers.exported",
                target=request.list,
                detail={
                    "format": request.format,
                    "status": request.status,
                    "columns": list(selection.columns),
                    "since": request.since.isoformat() if request.since else None,
                },
            )
        return ExportStream(store.export_blocks(self._engine, selection, self._link))

    def _link(self, cycles: Cycles, requested_at: datetime) -> str:
        return f"{self._public_url}/unsubscribe/{self._tokens.issue(cycles, at=requested_at)}"


def _known_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns asked for, each once and in the order asked, or raise."""
    for name in columns:
        if name not in EXPORT_COLUMNS + EXTRA_COLUMNS:
            raise InvalidInputError(
                "columns", f"Use names out of {', '.join(EXPORT_COLUMNS + EXTRA_COLUMNS)}."
            )
    return tuple(dict.fromkeys(columns)) or EXPORT_COLUMNS
