"""What an import writes: a few statements for each chunk, the same on both databases.

Everything that a chunk may touch is locked before anything is decided, in the order in which
signups and links lock it: people by their address, then subscriptions by their key. So none of
them locks another out; and as PostgreSQL runs this at READ COMMITTED, the statements after the
locks see all that people did until then. (SQLite has one writer.)
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from service.domain.subscription import MAILS_A_DAY, Status
from service.store.bulk import rows_of, rows_parameter
from service.store.files.import_rows import (
    GIVEN_ROWS,
    GivenRows,
    ImportItem,
    Writing,
    as_rows,
    given_rows,
)
from service.store.sql import run, sql
from service.store.types import new_id

_NOT_SUPPRESSED = """
    NOT EXISTS (SELECT 1 FROM suppressions WHERE suppressions.address_hash = given.address_hash)
"""
# The update changes no row. It locks the people who are there already, as a signup does.
_SUBSCRIBERS = sql(
    """
INSERT INTO subscribers (id, email, email_key, name, locale, attributes, created_at, updated_at)
SELECT subscriber_id, email, email_key, name, locale, attributes, at, at
FROM ({rows}) AS given
WHERE is_first = 1 AND {not_suppressed}
ORDER BY email_key
ON CONFLICT (email_key) DO UPDATE SET updated_at = excluded.updated_at WHERE false
""",
    rows=GIVEN_ROWS,
    not_suppressed=_NOT_SUPPRESSED,
)
_PERSON = "JOIN subscribers AS person ON person.email_key = given.email_key"
_KEY = """
    subscriptions.subscriber_id = person.id AND subscriptions.mailing_list_id = given.list_id
"""
_RETURNING = """
RETURNING CAST(subscriptions.subscriber_id AS text), CAST(subscriptions.mailing_list_id AS text)
"""
_LOCK = sql(
    """
SELECT 1 FROM ({rows}) AS given {person} JOIN subscriptions ON {key}
ORDER BY subscriptions.subscriber_id, subscriptions.mailing_list_id
FOR NO KEY UPDATE OF subscriptions
""",
    rows=GIVEN_ROWS,
    person=_PERSON,
    key=_KEY,
)
_SUBSCRIPTIONS = sql(
    """
INSERT INTO subscriptions
    (subscriber_id, mailing_list_id, status, epoch, source, consent_text_version, requested_at,
     confirmed_at, ended_at, ended_reason, updated_at)
SELECT person.id, given.list_id, given.status, 1, given.source, given.text_version,
    given.requested_at, given.confirmed_at, given.ended_at, given.ended_reason, given.at
FROM ({rows}) AS given {person}
WHERE {not_suppressed}
ORDER BY person.id, given.list_id
ON CONFLICT (subscriber_id, mailing_list_id) DO NOTHING
""",
    rows=GIVEN_ROWS,
    not_suppressed=_NOT_SUPPRESSED,
    person=_PERSON,
)
_SUBSCRIPTIONS_MADE = sql("{insert} {returning}", insert=_SUBSCRIPTIONS, returning=_RETURNING)
# Not in a later cycle: the evidence may be of the time before they left.
_CONFIRM = sql(
    """
UPDATE subscriptions SET status = 'confirmed', source = given.source,
    consent_text_version = given.text_version, confirmed_at = given.confirmed_at,
    updated_at = given.at
FROM ({rows}) AS given {person}
WHERE {key} AND given.status = 'confirmed'
    AND subscriptions.status = 'pending' AND subscriptions.epoch = 1 AND {not_suppressed}
{returning}
""",
    rows=GIVEN_ROWS,
    not_suppressed=_NOT_SUPPRESSED,
    person=_PERSON,
    key=_KEY,
    returning=_RETURNING,
)
# This ends any cycle, also of a suppressed address. It does not end a subscription if the person
# acted here after that time (or ever, if the file has no time), nor if a file proved a later
# consent; a row that only says `pending` proves nothing. An end may lie between two times: a
# consent between them does not count against it.
_END = sql(
    """
UPDATE subscriptions SET status = 'unsubscribed', ended_at = given.ended_at,
    ended_reason = given.ended_reason, updated_at = given.at
FROM ({rows}) AS given {person}
WHERE {key} AND given.status = 'unsubscribed' AND subscriptions.status <> 'unsubscribed'
    AND (given.ended_to IS NULL OR subscriptions.confirmed_at IS NULL
        OR given.ended_to > subscriptions.confirmed_at)
    AND NOT EXISTS (SELECT 1 FROM consent_events AS own
        WHERE own.subscriber_id = subscriptions.subscriber_id
        AND own.mailing_list_id = subscriptions.mailing_list_id
        AND own.kind IN ('requested', 'confirmed', 'resumed')
        AND (given.ended_from IS NULL OR own.at >= given.ended_from))
{returning}
""",
    rows=GIVEN_ROWS,
    person=_PERSON,
    key=_KEY,
    returning=_RETURNING,
)
_OUTCOMES = sql(
    """
SELECT given.place, CAST(known.subscriber_id AS text) AS subscriber_id, known.status, known.epoch,
    CASE WHEN {not_suppressed} THEN 0 ELSE 1 END AS is_suppressed
FROM ({rows}) AS given
LEFT JOIN subscribers AS person ON person.email_key = given.email_key
LEFT JOIN subscriptions AS known
    ON known.subscriber_id = person.id AND known.mailing_list_id = given.list_id
""",
    rows=GIVEN_ROWS,
    not_suppressed=_NOT_SUPPRESSED,
)
_EVENTS = sql(
    """
INSERT INTO consent_events
    (id, subscriber_id, mailing_list_id, epoch, kind, at, source, locale, text_version, detail,
     email, name)
SELECT given.event_id, person.id, given.list_id, given.epoch, given.kind, given.at, given.source,
    given.locale, given.text_version, given.detail, given.email, given.name
FROM ({rows}) AS given {person}
""",
    rows=GIVEN_ROWS,
    person=_PERSON,
)
# A person who has had the day's emails is not asked, as when they sign up themselves.
_MAILS = sql(
    """
INSERT INTO outbox_messages
    (id, subscriber_id, kind, refs, locale, status, created_at, next_attempt_at)
SELECT asked.id, person.id, 'confirm', asked.refs, person.locale,
    CASE WHEN (SELECT count(*) FROM (SELECT 1 FROM outbox_messages AS sent
            WHERE sent.subscriber_id = person.id AND sent.status <> 'withheld'
            AND sent.created_at > asked.budget_since LIMIT :budget) AS enough) >= :budget
        THEN 'withheld' ELSE 'queued' END,
    asked.at, asked.at
FROM ({rows}) AS asked JOIN subscribers AS person ON person.email_key = asked.email_key
""",
    rows=rows_of("id:uuid email_key:text refs:json at:time budget_since:time"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOutcome:
    """The result of a row: whether it was written, and the subscription as it is now."""

    is_written: bool
    status: Status | None
    """None if there is no such subscription, because the address is suppressed."""
    is_suppressed: bool = False
    ended: UUID | None = None
    """The subscriber whose subscription the row ended, if it ended one."""


def import_chunk(
    connection: Connection, items: Sequence[ImportItem], *, at: datetime
) -> list[RowOutcome]:
    """Write the rows that may be written, each with a consent event; return the result of each.

    No two of the rows may be for the same address and list.
    """
    if not items:
        return []
    given = given_rows(connection)
    given.fill(as_rows(items, at))
    people = {item.row.address.key for item in items}
    if given.run(_SUBSCRIBERS).rowcount == len(people):
        # All are new, so that nothing known of them can stand against a row.
        given.run(_SUBSCRIPTIONS)
        outcomes = [RowOutcome(is_written=True, status=item.row.status) for item in items]
    else:
        if connection.dialect.name == "postgresql":
            given.run(_LOCK)
        outcomes, written, writings = _write_beside(given, items)
        given.fill(as_rows(written, at, writings))
    given.run(_EVENTS)
    return outcomes


_Pair = tuple[str, str]


def _pairs(found: Iterable[Any]) -> set[_Pair]:
    return {(subscriber_id, list_id) for subscriber_id, list_id in found}


def _write_beside(
    given: GivenRows, items: Sequence[ImportItem]
) -> tuple[list[RowOutcome], list[ImportItem], list[Writing]]:
    """Write the rows that the known subscriptions allow.

    Returns the result of each row, and the written rows with how they are written.
    """
    said = {item.row.status for item in items}
    made = _pairs(given.run(_SUBSCRIPTIONS_MADE))
    confirmed = _pairs(given.run(_CONFIRM)) if Status.CONFIRMED in said else set()
    ended = _pairs(given.run(_END)) if Status.UNSUBSCRIBED in said else set()
    changed = made | confirmed | ended
    outcomes = [RowOutcome(is_written=False, status=None)] * len(items)
    written: list[ImportItem] = []
    writings: list[Writing] = []
    for found in given.run(_OUTCOMES):
        item = items[found.place]
        pair = (found.subscriber_id, str(item.list_id))
        outcomes[found.place] = RowOutcome(
            is_written=pair in changed,
            status=Status(found.status) if found.status else None,
            is_suppressed=bool(found.is_suppressed),
            ended=UUID(found.subscriber_id) if pair in ended else None,
        )
        if pair in changed:
            written.append(item)
            writings.append((found.epoch, pair in ended))
    return outcomes, written, writings


def ask(
    connection: Connection, items: Iterable[ImportItem], *, next_mail_at: Callable[[], datetime]
) -> None:
    """Queue one email for each person, at the time that `next_mail_at` gives for it."""
    asked: dict[str, list[list[Any]]] = {}
    for item in items:
        asked.setdefault(item.row.address.key, []).append([str(item.list_id), 1])
    if asked:
        run(
            connection,
            _MAILS,
            rows=rows_parameter([_mail(key, refs, next_mail_at()) for key, refs in asked.items()]),
            budget=MAILS_A_DAY,
        )


def _mail(email_key: str, refs: list[list[Any]], at: datetime) -> dict[str, Any]:
    """Return a message that is as old as it is due: its link lives from then on."""
    return {
        "id": new_id(),
        "email_key": email_key,
        "refs": sorted(refs),
        "at": at,
        "budget_since": at - timedelta(days=1),
    }
