"""Figures of the lists: the last weeks for people, any days and lists for programs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from uuid import UUID

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.consent import ConsentKind
from service.domain.delivery.feedback import EventKind
from service.domain.errors import InvalidInputError, UnknownListError
from service.domain.lists.mailing_list import ListInfo
from service.store.database import reading
from service.store.operations import daily as store
from service.store.operations.daily import Funnel, ReportCount, SourceCount
from service.store.operations.daily_acts import DayCount, acts_by_day
from service.usecases.lists.lists import Lists
from service.usecases.operations.latest import Latest

READ_EVERY_SECONDS = 30.0
"""A period is counted by reading it, so figures may be this old, and as old as it takes."""

TOP_SOURCES = 8
USUAL_DAYS = 30
MAX_DAYS = 366
EARLIEST = date(2000, 1, 1)
COUNTED = ("signups", "confirmations", "leavers", "bounces", "complaints")

_MEANT = {
    ConsentKind.REQUESTED.value: "signups",
    ConsentKind.CONFIRMED.value: "confirmations",
    ConsentKind.UNSUBSCRIBED.value: "leavers",
    EventKind.HARD_BOUNCE.value: "bounces",
    EventKind.SOFT_BOUNCE.value: "bounces",
    EventKind.COMPLAINT.value: "complaints",
}


@dataclass(slots=True, kw_only=True)
class Counts:
    """Counts."""

    signups: int = 0
    confirmations: int = 0
    leavers: int = 0
    """Subscriptions that ended, but for those that a bounce or a complaint ended."""
    bounces: int = 0
    complaints: int = 0


@dataclass(slots=True, kw_only=True)
class Day(Counts):
    """Counts of one day (UTC)."""

    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The last so many days, today included, oldest first, and how far their signups have come."""

    at: datetime
    days: Sequence[Day]
    funnel: Funnel
    sources: Sequence[SourceCount]


@dataclass(slots=True, kw_only=True)
class Totals(Counts):
    """Counts of all days together."""

    confirmation_rate: float | None
    """Which part of the signups of these days is confirmed by now, however often each was tried;
    None where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListStatistics:
    """One list's days, oldest first."""

    list: str
    totals: Totals
    days: Sequence[Day]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The days from `since` to `until`, both included: of all lists asked for, and of each.

    A mail for several lists that bounced counts once for all of them, and once for each.
    """

    at: datetime
    since: date
    until: date
    totals: Totals
    days: Sequence[Day]
    lists: Sequence[ListStatistics]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Raw:
    """What the database tells of some days, all lists."""

    at: datetime
    acts: Sequence[DayCount]
    reports: Sequence[ReportCount]
    confirmed: Mapping[UUID, tuple[int, int]]
    """How many cycles were asked for on each list, and confirmed since."""


class Statistics:
    """Counts periods. One for a process; safe to use from several threads."""

    def __init__(self, engine: Engine, *, lists: Lists) -> None:
        """Take what the use case works with; nothing is read yet."""
        self._engine = engine
        self._lists = lists
        self._periods: Latest[int, Period] = Latest(self._count, seconds=READ_EVERY_SECONDS)
        self._raw: Latest[tuple[date, date], _Raw] = Latest(self._read, seconds=READ_EVERY_SECONDS)

    def period(self, days: int) -> Period:
        """Return the last `days` days of all lists. Raises `UnavailableError` (`Latest`)."""
        return self._periods.get(days)

    def report(
        self,
        *,
        since: date | None = None,
        until: date | None = None,
        list: str | None = None,  # noqa: A002 - the name that it has outside
        scope: Collection[UUID] | None = None,
    ) -> Report:
        """Return what happened from `since` to `until`, on one list or on all of the scope.

        `until` is today (UTC) where left out, and at the latest; `since` is `USUAL_DAYS` days with
        it. Raises `InvalidInputError`, `UnavailableError` (`Latest`), and `UnknownListError`, also
        for a list outside the scope.
        """
        first, last = _first_and_last(since, until)
        lists = self._chosen(list, scope)
        ids = {info.id for info in lists}
        raw = self._raw.get((first, last))
        # A mail that is no longer known belongs to no list, but to all of them together.
        takes_all = list is None and scope is None
        of_list = {info.id: _days(first, last) for info in lists}
        together = _days(first, last)
        for act in raw.acts:
            if act.list_id in ids:
                _add(of_list[act.list_id], act.day, act.what, act.count)
                _add(together, act.day, act.what, act.count)
        for report in raw.reports:
            for list_id in report.list_ids & ids:
                _add(of_list[list_id], report.day, report.kind, report.count)
            if takes_all or report.list_ids & ids:
                _add(together, report.day, report.kind, report.count)
        return Report(
            at=raw.at,
            since=first,
            until=last,
            totals=_totals(together, raw, ids),
            days=[*together.values()],
            lists=[
                ListStatistics(
                    list=info.slug,
                    totals=_totals(of_list[info.id], raw, {info.id}),
                    days=[*of_list[info.id].values()],
                )
                for info in lists
            ],
        )

    def _chosen(self, slug: str | None, scope: Collection[UUID] | None) -> Sequence[ListInfo]:
        if slug is None:
            return [each for each in self._lists.all() if scope is None or each.id in scope]
        info = self._lists.get(slug)
        if scope is not None and info.id not in scope:
            raise UnknownListError(slug)
        return [info]

    def _read(self, days: tuple[date, date]) -> _Raw:
        now = utc_now()
        since, until = _start(days[0]), _start(days[1]) + timedelta(days=1)
        with reading(self._engine) as connection:
            return _Raw(
                at=now,
                acts=acts_by_day(connection, since=since, until=until),
                reports=store.reports_by_day(connection, since=since, until=until),
                confirmed=store.confirmed_by_list(connection, since=since, until=until),
            )

    def _count(self, days: int) -> Period:
        now = utc_now()
        first = now.date() - timedelta(days=days - 1)
        since = _start(first)
        with reading(self._engine) as connection:
            acts = acts_by_day(connection, since=since)
            reports = store.reports_by_day(connection, since=since)
            funnel, sources = store.outcomes(connection, since=since, most=TOP_SOURCES)
        counted = _days(first, now.date())
        for act in acts:
            _add(counted, act.day, act.what, act.count)
        for report in reports:
            _add(counted, report.day, report.kind, report.count)
        return Period(at=now, days=[*counted.values()], funnel=funnel, sources=sources)


def _first_and_last(since: date | None, until: date | None) -> tuple[date, date]:
    today = utc_now().date()
    last = min(until or today, today)
    if last < EARLIEST:
        raise InvalidInputError("until", f"Use {EARLIEST} or a later day.")
    first = since or max(last - timedelta(days=USUAL_DAYS - 1), EARLIEST)
    if first < EARLIEST:
        raise InvalidInputError("since", f"Use {EARLIEST} or a later day.")
    if first > last:
        raise InvalidInputError("since", "Use a day that is not after the last one.")
    if (last - first).days >= MAX_DAYS:
        raise InvalidInputError("since", f"Use at most {MAX_DAYS} days at a time.")
    return first, last


def _start(day: date) -> datetime:
    return datetime.combine(day, clock_time.min, tzinfo=UTC)


def _days(first: date, last: date) -> dict[date, Day]:
    """Return days on which nothing has happened yet, oldest first."""
    days = (first + timedelta(days=each) for each in range((last - first).days + 1))
    return {day: Day(day=day) for day in days}


def _add(days: Mapping[date, Day], day: date, what: str, count: int) -> None:
    counts = days.get(day)
    if counts is not None:  # a clock ahead of ours may have dated it tomorrow
        name = _MEANT[what]
        setattr(counts, name, getattr(counts, name) + count)


def _totals(days: Mapping[date, Day], raw: _Raw, ids: Collection[UUID]) -> Totals:
    asked = sum(raw.confirmed.get(each, (0, 0))[0] for each in ids)
    confirmed = sum(raw.confirmed.get(each, (0, 0))[1] for each in ids)
    return Totals(
        **{each: sum(getattr(day, each) for day in days.values()) for each in COUNTED},
        confirmation_rate=round(confirmed / asked, 4) if asked else None,
    )
