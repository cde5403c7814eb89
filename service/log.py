"""Logs: one JSON line an event on standard error. Ids only: no address, no token gets in."""

import logging
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, TextIO, cast

import structlog

MAX_FRAMES = 30
_ROOT = Path(__file__).parents[1]
_OURS = ("service/", "migrations/")


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
    """Set structlog up for this process. Doing so again changes nothing."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Stderr())),
        cache_logger_on_first_use=True,
    )


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
    path = Path(frame.f_code.co_filename)
    for root in (_ROOT, *map(Path, sys.path)):
        if path.is_relative_to(root) and root != Path():
            return f"{path.relative_to(root)}:{line}"
    return f"{path}:{line}"
