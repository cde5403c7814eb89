"""The database's clock, which is the one that all machines share.

Only PostgreSQL serves several machines. SQLite's processes share the one clock of theirs.
"""

import threading
import time
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, Engine

from service.clock import ClockCheck, correct_clock, machine_now, utc_now

LOOK_EVERY_SECONDS = 1.0
"""How old a comparison may be when a transaction begins: clocks are set while we run."""
NOTABLE = timedelta(seconds=2)
"""A difference that is worth a warning: the cause is a clock that nobody keeps."""

_log = structlog.get_logger(__name__)
_lock = threading.Lock()
_looked_at = float("-inf")
_logged = timedelta(0)


def ask(connection: Connection) -> datetime:
    """Return what PostgreSQL's clock says now, not when the transaction began."""
    found: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    return found


def shared_now(connection: Connection) -> datetime:
    """Compare the clocks and return the present moment by the database's."""
    if connection.dialect.name == "postgresql":
        _compare(connection)
    return utc_now()


def keep_to_database(connection: Connection) -> None:
    """Compare the clocks where the last time was a while ago: for each transaction's beginning."""
    if time.monotonic() - _looked_at >= LOOK_EVERY_SECONDS:
        _compare(connection)


def keep_in_step(engine: Engine) -> None:
    """Do the same for a transaction that SQLAlchemy does not begin."""
    if time.monotonic() - _looked_at >= LOOK_EVERY_SECONDS:
        with engine.begin():
            pass


def is_notable(ahead: timedelta) -> bool:
    """Tell whether an operator should hear of this difference."""
    return abs(ahead) >= NOTABLE


def _compare(connection: Connection) -> None:
    global _looked_at, _logged
    before = machine_now()
    said = ask(connection)
    after = machine_now()
    with _lock:
        _looked_at = time.monotonic()
        ahead = correct_clock(ClockCheck(before=before, database=said, after=after))
        is_news = abs(ahead - _logged) >= NOTABLE
        if is_news:
            _logged = ahead
    if is_news:
        say = _log.warning if is_notable(ahead) else _log.info
        say(
            "clock differs from the database's" if is_notable(ahead) else "clock is right again",
            ahead_seconds=round(ahead.total_seconds(), 3),
        )
