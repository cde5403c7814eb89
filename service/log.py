"""Logs: one JSON line an event on standard error. Ids only: no address, no token gets in.

Each line has `timestamp`, `level`, `event`, `process` (web, worker or command), `pid` and `host`,
and within a request its `request_id`.
"""

import logging
import os
import re
import socket
import sys
import threading
import time
import traceback
import warnings
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that this thread answers."""
MAX_FRAMES = 30
MAX_FOREIGN_LENGTH = 200
SOMETIMES_SECONDS = 60.0
MAX_KINDS = 100
_ROOT = Path(__file__).parents[1]
_OURS = ("service/", "migrations/")
_HOST = socket.gethostname()
_PRIVATE = re.compile(r"\S*(@|%40|://)\S*|\S{40,}")
"""What may be an address, a link or a token in the text of a library."""
_process = "command"


class _Stderr:
    """Standard error as it is now. A log that cannot be written must not cost an answer: the disk
    behind it may be full, or its reader gone.
    """

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def configure_logging() -> None:
    """Set logging up for this process: ours, and what libraries log. Again, it changes nothing."""
    structlog.configure(
        processors=[
            _add_origin,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Stderr())),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    if not any(isinstance(each, _ForeignHandler) for each in root.handlers):
        root.addHandler(_ForeignHandler(logging.WARNING))


def own_process(name: str) -> None:
    """Say what this process is (`web` or `worker`), for its lines to say it too.

    Whatever ends a thread or the process from here on, and every warning, is a line as well.
    """
    global _process
    _process = name
    configure_logging()
    warnings.showwarning = _log_warning
    sys.excepthook = lambda _kind, error, _trace: _log_end(error)
    threading.excepthook = lambda given: _log_end(given.exc_value, thread=given.thread)
    sys.unraisablehook = lambda given: _log_end(given.exc_value)


class Sometimes:
    """Logs an event that strangers can cause: one line a minute for each kind, with a count."""

    def __init__(self, event: str) -> None:
        """`event` is that of the lines."""
        self._event = event
        self._lock = threading.Lock()
        self._kinds: dict[str, tuple[float, int]] = {}

    def warn(self, kind: str, **fields: object) -> None:
        """Count one more of a kind, of which there are few, and log it unless that was done within
        the last minute. `count` is how many there were since the last line.
        """
        now = time.monotonic()
        with self._lock:
            if kind not in self._kinds and len(self._kinds) >= MAX_KINDS:
                kind = "other"
            next_at, count = self._kinds.get(kind, (now, 0))
            is_due = now >= next_at
            self._kinds[kind] = (now + SOMETIMES_SECONDS, 0) if is_due else (next_at, count + 1)
        if is_due:
            log: structlog.BoundLogger = structlog.get_logger(__name__)
            log.warning(self._event, kind=kind, count=count + 1, **fields)


class _ForeignHandler(logging.Handler):
    """Writes what libraries log. Their words may quote anything: what they fill into a message is
    left out, and of an error its kinds and places are kept.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        given = record.args if isinstance(record.args, tuple) else ()
        error = record.exc_info[1] if record.exc_info else None
        error = error or next((each for each in given if isinstance(each, BaseException)), None)
        structlog.get_logger(__name__).log(
            record.levelno,
            _foreign(str(record.msg)),
            logger=record.name,
            **(error_fields(error) if error is not None else {}),
        )


def _add_origin(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    fields["process"] = _process
    fields["pid"] = os.getpid()
    fields["host"] = _HOST
    if (request_id := REQUEST_ID.get()) is not None:
        fields["request_id"] = request_id
    return fields


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del file, line
    structlog.get_logger(__name__).warning(
        "warning",
        category=category.__name__,
        text=_foreign(str(message)),
        place=_place_of(filename, lineno),
    )


def _log_end(error: BaseException | None, *, thread: threading.Thread | None = None) -> None:
    if error is None or isinstance(error, KeyboardInterrupt | SystemExit):
        return
    named = {"thread": thread.name} if thread is not None else {}
    structlog.get_logger(__name__).error("unexpected error", **named, **error_fields(error))


def _foreign(text: str) -> str:
    """Return the first line of a library's text without what may be private."""
    lines = text.strip().splitlines() or [""]
    return _PRIVATE.sub("[…]", lines[0][:MAX_FOREIGN_LENGTH])


def error_fields(error: BaseException) -> dict[str, Any]:
    """Return what a log may say of an unexpected error: kinds and places, never its message.

    A message may hold an address, a token or SQL. `error` is the kind of the error, `caused_by`
    those of the errors behind it, `frames` the lines of our own code that it came through
    (outermost first, `service/….py:line function`), `place` the line that raised it.
    """
    kinds: list[str] = []
    frames: list[str] = []
    place = ""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        kinds.append(type(current).__name__)
        for frame, line in traceback.walk_tb(current.__traceback__):
            place = _place(frame, line)
            named = f"{place} {frame.f_code.co_name}"
            if place.startswith(_OURS) and named not in frames:
                frames.append(named)
        hidden = current.__suppress_context__ or current.__cause__ is not None
        current = current.__cause__ if hidden else current.__context__
    return {
        "error": kinds[0],
        "caused_by": kinds[1:],
        "frames": frames[:MAX_FRAMES],
        "place": place,
    }


def _place(frame: FrameType, line: int) -> str:
    return _place_of(frame.f_code.co_filename, line)


def _place_of(filename: str, line: int) -> str:
    path = Path(filename)
    for root in (_ROOT, *map(Path, sys.path)):
        if path.is_relative_to(root) and root != Path():
            return f"{path.relative_to(root)}:{line}"
    return f"{path}:{line}"
