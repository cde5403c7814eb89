"""Logs: one JSON line an event on standard error. Ids only: no address, no token gets in."""

import logging
import sys

import structlog


def configure_logging() -> None:
    """Set structlog up for this process. Doing so again changes nothing."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
