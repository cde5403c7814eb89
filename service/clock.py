"""The one source of time: aware UTC, so that tests can freeze it and no naive time gets in."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present moment as an aware UTC datetime with microseconds."""
    return datetime.now(UTC)
