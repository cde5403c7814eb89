"""An import that reports its progress: one line of JSON after another, while a thread works.

The last line is the page of results. If the browser goes away, the import still finishes, as that
of a plain form does.
"""

import json
from collections.abc import Callable, Iterator
from queue import Queue
from threading import Thread
from typing import Any

import structlog

from service.domain.errors import InvalidInputError, UnknownListError
from service.usecases.files.import_report import REPORT_HEADER, ImportReport, RowResult, report_line

LINES = "application/x-ndjson"
LINES_AHEAD = 8
"""How far the import may be ahead of a browser that takes its lines slowly."""

Run = Callable[..., ImportReport]
Page = Callable[[ImportReport | Exception], str]
_log = structlog.get_logger(__name__)


class _Work:
    """The import in its thread, and the lines that nobody has read yet."""

    def __init__(self, run: Run, *, wants_rows: bool) -> None:
        self._run = run
        self._queue: Queue[dict[str, Any] | None] = Queue(LINES_AHEAD)
        self._lines: list[str] | None = [REPORT_HEADER] if wants_rows else None
        self.outcome: ImportReport | Exception | None = None
        Thread(target=self._work, name="import", daemon=True).start()

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield lines until the import has ended."""
        while (line := self._queue.get()) is not None:
            yield line

    def _work(self) -> None:
        try:
            self.outcome = self._run(progress=self._advance, listener=self._keep)
            self._tell_rows()
        except Exception as error:  # noqa: BLE001 - the browser waits for an end, whatever it is
            self.outcome = error
        finally:
            self._queue.put(None)

    def _keep(self, result: RowResult) -> None:
        if self._lines is not None:
            self._lines.append(report_line(result))

    def _advance(self, bytes_read: int, rows_read: int) -> None:
        self._queue.put({"bytes": bytes_read, "rows": rows_read})
        self._tell_rows()

    def _tell_rows(self) -> None:
        if self._lines:
            self._queue.put({"report": "".join(self._lines)})
            self._lines.clear()


def lines_of(run: Run, *, wants_rows: bool, page: Page) -> Iterator[str]:
    """Import and tell meanwhile: `bytes` and `rows` of the file read; `report`, a piece of the
    CSV file of every row, where it is wanted; at the end the `page`, or `failed`.

    `page` renders a report, or an error that is the file's or the form's.
    """
    work = _Work(run, wants_rows=wants_rows)
    lines = work.lines()
    try:
        for line in lines:
            yield _line(line)
    finally:
        for _rest in lines:  # the browser has gone; the thread must not wait for it
            pass
    outcome = work.outcome
    if isinstance(outcome, ImportReport | InvalidInputError | UnknownListError):
        yield _line({"page": page(outcome)})
    else:
        # The message may hold a row: only the kind is logged.
        _log.error("import stopped", error=type(outcome).__name__)
        yield _line({"failed": True})


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"
