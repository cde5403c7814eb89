"""How the lists fare over the last weeks, for people to look at."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock_time

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.consent import ConsentKind
from service.store import statistics_days as store
from service.store.database import reading
from service.store.statistics_days import Funnel, SourceCount

READ_EVERY_SECONDS = 30.0
"""A period is counted by reading it, so figures may be this old."""

TOP_SOURCES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What happened on one day (UTC)."""

    day: date
    signups: int
    confirmations: int
    leavers: int
    bounces: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The last so many days, today included, oldest first, and what became of their signups."""

    at: datetime
    days: Sequence[Day]
    funnel: Funnel
    sources: Sequence[SourceCount]


class Statistics:
    """Counts periods. One for a process; safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine; nothing is read yet."""
        self._engine = engine
        self._lock = threading.Lock()
        self._counted: dict[int, tuple[float, Period]] = {}

    def period(self, days: int) -> Period:
        """Return the last `days` days."""
        with self._lock:
            expires, period = self._counted.get(days, (0.0, None))
            if period is None or time.monotonic() >= expires:
                period = self._count(days)
                self._counted[days] = (time.monotonic() + READ_EVERY_SECONDS, period)
            return period

    def _count(self, days: int) -> Period:
        now = utc_now()
        first = now.date() - timedelta(days=days - 1)
        since = datetime.combine(first, clock_time.min, tzinfo=now.tzinfo)
        with reading(self._engine) as connection:
            counted = store.counts_by_day(connection, since=since)
            funnel, sources = store.outcomes(connection, since=since, most=TOP_SOURCES)
        counts = {(each.day, each.what): each.count for each in counted}
        return Period(
            at=now,
            days=[
                Day(
                    day=day,
                    signups=counts.get((day, ConsentKind.REQUESTED), 0),
                    confirmations=counts.get((day, ConsentKind.CONFIRMED), 0),
                    leavers=counts.get((day, ConsentKind.UNSUBSCRIBED), 0),
                    bounces=counts.get((day, "bounced"), 0),
                )
                for day in (first + timedelta(days=each) for each in range(days))
            ],
            funnel=funnel,
            sources=sources,
        )
