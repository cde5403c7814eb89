"""What happened on each day, counted once for each consent event, in the order of the chain.

The chain has each event once and in a place that stays, so "counted up to this place" says exactly
which events are in the counts. The few behind it, and those that have no place yet, are read beside
the counts. What was counted stays through erasure. That empties the column that tells a bounce: an
end by a bounce counts as any other if the person is erased in the seconds before it is counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection, select, update

from service.domain.consent import ConsentKind
from service.domain.subscription import EndedReason
from service.store.sql import Sql, run, sql
from service.store.tables.ledger import DailyActsHead, LedgerHead

_KINDS = (ConsentKind.REQUESTED, ConsentKind.CONFIRMED, ConsentKind.UNSUBSCRIBED)
_REPORTED_ENDS = (EndedReason.HARD_BOUNCE, EndedReason.COMPLAINT)
_DAY = Sql(
    postgresql="to_char(timezone('UTC', event.at), 'YYYY-MM-DD')", sqlite="substr(event.at, 1, 10)"
)
# Ends by a bounce or a complaint are counted with the reports.
_IS_COUNTED = (
    f"event.kind IN ({', '.join(repr(kind.value) for kind in _KINDS)}) AND "
    f"coalesce(event.detail, '') NOT IN ({', '.join(repr(end.value) for end in _REPORTED_ENDS)})"
)
_COUNT = sql(
    """
INSERT INTO daily_acts (day, mailing_list_id, kind, count)
SELECT {day}, event.mailing_list_id, event.kind, count(*)
FROM ledger_entries AS entry JOIN consent_events AS event ON event.id = entry.event_id
WHERE entry.position > :after AND entry.position <= :last AND {is_counted}
GROUP BY {day}, event.mailing_list_id, event.kind
ON CONFLICT (day, mailing_list_id, kind) DO UPDATE SET count = daily_acts.count + excluded.count
""",
    day=_DAY,
    is_counted=_IS_COUNTED,
)
_COUNTED = sql("""
SELECT head.position, acts.day, acts.mailing_list_id, acts.kind, acts.count
FROM daily_acts_head AS head LEFT JOIN daily_acts AS acts
    ON acts.day >= :first AND acts.day < :end
""")
_NOT_COUNTED = sql(
    """
SELECT day, mailing_list_id, kind, count(*) AS count FROM (
    SELECT {day} AS day, event.mailing_list_id, event.kind FROM consent_events AS event
    WHERE event.position IS NULL AND event.at >= :since AND {is_counted}
    UNION ALL
    SELECT {day} AS day, event.mailing_list_id, event.kind
    FROM ledger_entries AS entry JOIN consent_events AS event ON event.id = entry.event_id
    WHERE entry.position > :position AND event.at >= :since AND {is_counted}
) AS acts
WHERE day < :end GROUP BY day, mailing_list_id, kind
""",
    day=_DAY,
    is_counted=_IS_COUNTED,
)
_NO_END = "9999-12-31"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """How often something (`requested`, `confirmed`, `unsubscribed`) was on a day, on one list."""

    day: date
    list_id: UUID
    what: str
    count: int


def has_uncounted(connection: Connection) -> bool:
    """Tell whether the chain goes on behind what is counted."""
    is_same = LedgerHead.id == DailyActsHead.id  # each has one row
    query = select(LedgerHead.position > DailyActsHead.position).where(is_same)
    return bool(connection.scalar(query))


def count_sealed(connection: Connection, *, limit: int) -> int:
    """Count the next `limit` events of the chain; return how many there were.

    0 also while another process counts.
    """
    after = connection.scalar(select(DailyActsHead.position).with_for_update(skip_locked=True))
    if after is None:
        return 0
    last = min(after + limit, connection.scalar(select(LedgerHead.position)) or 0)
    if last > after:
        run(connection, _COUNT, after=after, last=last)
        connection.execute(update(DailyActsHead).values(position=last))
    return max(0, last - after)


def acts_by_day(
    connection: Connection, *, since: datetime, until: datetime | None = None
) -> list[DayCount]:
    """Return what happened on each UTC day, from the day that begins at `since` until that before
    `until`, in no order. A day may come twice, with a part of its count each.
    """
    first, end = _day_of(since), _day_of(until) if until is not None else _NO_END
    counted = run(connection, _COUNTED, first=first, end=end).all()
    # Whatever is sealed or counted from here on is behind this place, or has none.
    position = counted[0].position
    more = run(connection, _NOT_COUNTED, position=position, since=since, end=end)
    return [*_read(counted), *_read(more)]


def _read(rows: object) -> Iterator[DayCount]:
    for row in rows:  # type: ignore[attr-defined]
        if row.day is not None:
            yield DayCount(
                day=date.fromisoformat(row.day),
                list_id=UUID(str(row.mailing_list_id)),
                what=row.kind,
                count=row.count,
            )


def _day_of(at: datetime) -> str:
    return at.date().isoformat()
