"""Logs: one JSON line an event on standard error. Ids only: no address, no token gets in."""

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog


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
