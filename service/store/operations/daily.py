"""What was reported of emails, day by day, and how far a period's signups have come.

The ledger has no index by time. Its ids begin with the time of writing (UUIDv7), so a range of ids
is read instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Label,
    func,
    select,
)

from service.domain.consent import ConsentKind
from service.domain.delivery.feedback import EventKind
from service.store.sql import run, sql
from service.store.tables.delivery import OutboxMessage, RecordedEvent
from service.store.tables.ledger import ConsentEvent
from service.store.types import first_id

WRITTEN_WITHIN = timedelta(hours=1)
"""How much later or earlier than its time an entry may have been written by the clock of its id."""

_REPORTS = (EventKind.HARD_BOUNCE, EventKind.SOFT_BOUNCE, EventKind.COMPLAINT)

# One row for each cycle that was asked for in the period, with how far it has come; the totals
# over all forms and pages stand beside each of those that brought most.
_OUTCOMES = sql("""
WITH asked AS (
    SELECT event.subscriber_id, event.mailing_list_id, event.epoch, min(event.source) AS source
    FROM consent_events AS event
    WHERE event.id >= :first_id AND event.kind = 'requested' AND event.at >= :since
    GROUP BY event.subscriber_id, event.mailing_list_id, event.epoch
), by_source AS (
    SELECT coalesce(asked.source, '') AS source, count(*) AS asked,
        sum(CASE WHEN held.confirmed_at IS NOT NULL OR EXISTS (
            SELECT 1 FROM outbox_messages AS mail
            WHERE mail.subscriber_id = asked.subscriber_id AND mail.created_at >= :since
            AND mail.status = 'accepted') THEN 1 ELSE 0 END) AS mailed,
        sum(CASE WHEN held.confirmed_at IS NOT NULL THEN 1 ELSE 0 END) AS confirmed,
        sum(CASE WHEN held.status = 'confirmed' THEN 1 ELSE 0 END) AS stayed
    FROM asked LEFT JOIN subscriptions AS held ON held.subscriber_id = asked.subscriber_id
        AND held.mailing_list_id = asked.mailing_list_id AND held.epoch = asked.epoch
    GROUP BY coalesce(asked.source, '')
)
SELECT source, asked, confirmed, sum(asked) OVER () AS all_asked, sum(mailed) OVER () AS all_mailed,
    sum(confirmed) OVER () AS all_confirmed, sum(stayed) OVER () AS all_stayed
FROM by_source ORDER BY asked DESC, source LIMIT :most
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCount:
    """How many emails to these lists were reported on a day as bounced or as spam.

    `list_ids` is empty if the email itself is not kept any longer.
    """

    day: date
    list_ids: frozenset[UUID]
    kind: EventKind
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """How far the requested cycles have come: each number is part of the one before."""

    asked: int
    mailed: int
    confirmed: int
    stayed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCount:
    """How many signups a form or page brought, and how many of these were confirmed."""

    source: str
    asked: int
    confirmed: int


def reports_by_day(
    connection: Connection, *, since: datetime, until: datetime | None = None
) -> list[ReportCount]:
    """Return what mail APIs reported for each UTC day, from `since` until before `until`."""
    query = (
        select(_day(connection, RecordedEvent), OutboxMessage.refs, RecordedEvent.kind)
        .add_columns(func.count())
        .outerjoin(OutboxMessage, OutboxMessage.id == RecordedEvent.message_id)
        .where(
            RecordedEvent.received_at >= since,
            RecordedEvent.at >= since,
            RecordedEvent.kind.in_(_REPORTS),
        )
        .group_by("day", OutboxMessage.refs, RecordedEvent.kind)
    )
    if until is not None:
        query = query.where(RecordedEvent.at < until)
    return [
        ReportCount(
            day=date.fromisoformat(on),
            list_ids=frozenset(UUID(list_id) for list_id, _epoch in refs or ()),
            kind=EventKind(kind),
            count=count,
        )
        for on, refs, kind, count in connection.execute(query)
    ]


def confirmed_by_list(
    connection: Connection, *, since: datetime, until: datetime
) -> dict[UUID, tuple[int, int]]:
    """Return for each list how many cycles were asked for in the time, and confirmed since."""
    cycle = (ConsentEvent.subscriber_id, ConsentEvent.mailing_list_id, ConsentEvent.epoch)
    requested = (*_between(since, until), ConsentEvent.kind == ConsentKind.REQUESTED)
    # The ledger outlives the subscriptions: people who were erased since still count as confirmed.
    later = (*_between(since, None), ConsentEvent.kind == ConsentKind.CONFIRMED)
    asked = select(*cycle).where(*requested).distinct().subquery()
    confirmed = select(*cycle).where(*later).distinct().subquery()
    query = (
        select(asked.c.mailing_list_id, func.count(), func.count(confirmed.c.epoch))
        .outerjoin(
            confirmed,
            (confirmed.c.subscriber_id == asked.c.subscriber_id)
            & (confirmed.c.mailing_list_id == asked.c.mailing_list_id)
            & (confirmed.c.epoch == asked.c.epoch),
        )
        .group_by(asked.c.mailing_list_id)
    )
    return {list_id: (all_, done) for list_id, all_, done in connection.execute(query)}


def outcomes(
    connection: Connection, *, since: datetime, most: int
) -> tuple[Funnel, Sequence[SourceCount]]:
    """Return how far the signups since `since` have come, and which forms brought most."""
    rows = run(
        connection, _OUTCOMES, first_id=first_id_written(since), since=since, most=most
    ).all()
    if not rows:
        return Funnel(asked=0, mailed=0, confirmed=0, stayed=0), []
    total = rows[0]
    return (
        Funnel(
            asked=int(total.all_asked),
            mailed=int(total.all_mailed),
            confirmed=int(total.all_confirmed),
            stayed=int(total.all_stayed),
        ),
        [SourceCount(source=row.source, asked=row.asked, confirmed=row.confirmed) for row in rows],
    )


def first_id_written(since: datetime) -> UUID:
    """Return an id below that of everything whose time is `since` or later."""
    return first_id(since - WRITTEN_WITHIN)


def _between(since: datetime, until: datetime | None) -> list[ColumnElement[bool]]:
    """Say that an entry of the ledger is from this time."""
    found = [ConsentEvent.id >= first_id_written(since), ConsentEvent.at >= since]
    if until is not None:
        found += [
            ConsentEvent.id < first_id_written(until + 2 * WRITTEN_WITHIN),
            ConsentEvent.at < until,
        ]
    return found


def _day(connection: Connection, table: type[RecordedEvent]) -> Label[str]:
    """Return the UTC day of a row's `at`, as text."""
    day: ColumnElement[str] = (
        func.to_char(func.timezone("UTC", table.at), "YYYY-MM-DD")
        if connection.dialect.name == "postgresql"
        else func.substr(table.at, 1, 10)
    )
    return day.label("day")
