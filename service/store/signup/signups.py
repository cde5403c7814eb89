"""The signup's writes: four statements for any number of signups, the rules of opt-in within.

Concurrent signups of one address are put in a row by the lock that the first statement takes on
the subscriber. Subscribers are taken in the order of their address, subscriptions in that of their
key as `links/acts.py` takes them, so that no two batches lock each other out. PostgreSQL runs this
at READ COMMITTED: each statement sees what the lock waited for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from service.domain.address import Address
from service.domain.consent import CONSENT_TEXT_VERSION, Evidence
from service.domain.subscription import MAILS_A_DAY, REPEAT_AFTER, SOON, WITHHELD_A_DAY
from service.store.bulk import rows_of, rows_parameter
from service.store.sql import Sql, sql
from service.store.together import Together
from service.store.types import new_id

_ROWS = rows_of(
    "subscriber_id:uuid message_id:uuid event_id:uuid list_id:uuid place:int email:text "
    "email_key:text name:text locale:text attributes:json source:text ip:text text_version:text "
    "at:time soon:time repeat_since:time budget_since:time"
)

# On PostgreSQL the way to each row is fixed: by its key, one row after another (LATERAL with LIMIT;
# and no EXISTS on a key, which might be hashed). The planner would go by statistics, and those of a
# young database are of empty tables: it would read whole tables, and the time that takes would show
# which addresses are in them.
_PERSON = Sql(
    postgresql="""JOIN LATERAL (SELECT id, locale FROM subscribers
        WHERE email_key = asked.email_key LIMIT 1) AS person ON true""",
    sqlite="JOIN subscribers AS person ON person.email_key = asked.email_key",
)
_KNOWN = Sql(
    postgresql="""JOIN LATERAL (SELECT status, epoch FROM subscriptions
        WHERE subscriber_id = person.id AND mailing_list_id = asked.list_id LIMIT 1
    ) AS known ON true""",
    sqlite="""JOIN subscriptions AS known ON known.subscriber_id = person.id
        AND known.mailing_list_id = asked.list_id""",
)

# The index of acts is of these kinds: SQLite takes it only where they are named as it names them.
# A new cycle forgets when the last one was confirmed; the ledger does not.
_HAS_CONFIRMED = """coalesce((SELECT true FROM subscriptions AS known
        WHERE known.subscriber_id = subscribers.id AND known.confirmed_at IS NOT NULL LIMIT 1),
    (SELECT true FROM consent_events AS act
        WHERE act.subscriber_id = subscribers.id AND act.kind = 'confirmed'
        AND act.kind IN ('confirmed', 'resumed', 'reason_given') LIMIT 1),
    false)"""
# What a stranger types about a person counts only until that person has confirmed something.
_SUBSCRIBERS = sql(
    """
INSERT INTO subscribers
    (id, email, email_key, name, locale, attributes, created_at, updated_at)
SELECT subscriber_id, email, email_key, name, locale, attributes, at, at
FROM ({rows}) AS asked WHERE place = 0 ORDER BY email_key
ON CONFLICT (email_key) DO UPDATE SET
    name = CASE WHEN {has_confirmed}
        THEN subscribers.name ELSE coalesce(excluded.name, subscribers.name) END,
    locale = CASE WHEN {has_confirmed}
        THEN subscribers.locale ELSE coalesce(excluded.locale, subscribers.locale) END,
    attributes = CASE WHEN {has_confirmed}
        THEN subscribers.attributes ELSE coalesce(excluded.attributes, subscribers.attributes) END,
    updated_at = excluded.updated_at
""",
    rows=_ROWS,
    has_confirmed=_HAS_CONFIRMED,
)

# An ended subscription begins its next cycle; a pending or confirmed one stays as it is.
_SUBSCRIPTIONS = sql(
    """
INSERT INTO subscriptions
    (subscriber_id, mailing_list_id, status, epoch, source, consent_text_version, requested_at,
     updated_at)
SELECT person.id, asked.list_id, 'pending', 1, asked.source, asked.text_version, asked.at, asked.at
FROM ({rows}) AS asked {person}
WHERE true ORDER BY person.id, asked.list_id
ON CONFLICT (subscriber_id, mailing_list_id) DO UPDATE SET
    epoch = subscriptions.epoch
        + CASE WHEN subscriptions.status = 'unsubscribed' THEN 1 ELSE 0 END,
    source = CASE WHEN subscriptions.status = 'confirmed'
        THEN subscriptions.source ELSE excluded.source END,
    consent_text_version = CASE WHEN subscriptions.status = 'confirmed'
        THEN subscriptions.consent_text_version ELSE excluded.consent_text_version END,
    requested_at = CASE WHEN subscriptions.status = 'unsubscribed'
        THEN excluded.requested_at ELSE subscriptions.requested_at END,
    confirmed_at = CASE WHEN subscriptions.status = 'unsubscribed'
        THEN NULL ELSE subscriptions.confirmed_at END,
    ended_at = NULL,
    ended_reason = NULL,
    updated_at = CASE WHEN subscriptions.status = 'confirmed'
        THEN subscriptions.updated_at ELSE excluded.updated_at END,
    status = CASE WHEN subscriptions.status = 'unsubscribed'
        THEN 'pending' ELSE subscriptions.status END
""",
    rows=_ROWS,
    person=_PERSON,
)

# A repeat adds nothing to the ledger, or anybody could fill it: not for the same list, cycle and
# text within `REPEAT_AFTER`.
_EVENTS = sql(
    """
INSERT INTO consent_events
    (id, subscriber_id, mailing_list_id, epoch, kind, at, source, locale, ip, text_version, email,
     name)
SELECT asked.event_id, person.id, asked.list_id, known.epoch, 'requested', asked.at,
    asked.source, asked.locale, asked.ip, asked.text_version, asked.email, asked.name
FROM ({rows}) AS asked {person} {known}
WHERE (SELECT true FROM consent_events AS told
    WHERE told.subscriber_id = person.id AND told.at > asked.repeat_since AND told.at <= asked.soon
    AND told.kind = 'requested' AND told.mailing_list_id = asked.list_id
    AND told.epoch = known.epoch AND told.text_version = asked.text_version LIMIT 1) IS NULL
""",
    rows=_ROWS,
    person=_PERSON,
    known=_KNOWN,
)

# Every signup leaves a message, so that every signup is the same work. The message is withheld if
# the address has had the day's emails, or the same email for the same cycles a short while ago. An
# import's later emails count as neither. How many are withheld in a day is limited, too.
_MESSAGES = sql(
    """
INSERT INTO outbox_messages
    (id, subscriber_id, kind, refs, locale, status, created_at, next_attempt_at)
WITH decided AS MATERIALIZED (
SELECT message.message_id, message.subscriber_id, message.kind, message.refs, message.locale,
    message.at, message.soon, message.budget_since,
    CASE WHEN (SELECT count(*) FROM (SELECT 1 FROM outbox_messages AS sent
            WHERE sent.subscriber_id = message.subscriber_id AND sent.status <> 'withheld'
            AND sent.created_at > message.budget_since AND sent.created_at <= message.soon
            LIMIT :budget) AS enough) >= :budget
        OR EXISTS (SELECT 1 FROM outbox_messages AS same
            WHERE same.subscriber_id = message.subscriber_id AND same.status <> 'withheld'
            AND same.created_at > message.repeat_since AND same.created_at <= message.soon
            AND same.kind = message.kind AND same.refs = message.refs)
        THEN 'withheld' ELSE 'queued' END AS status
FROM (
    SELECT wanted.message_id, wanted.subscriber_id, wanted.at, wanted.soon, wanted.repeat_since,
        wanted.budget_since,
        CASE WHEN max(CASE WHEN wanted.status = 'pending' THEN 1 ELSE 0 END) = 1
            THEN 'confirm' ELSE 'already_subscribed' END AS kind,
        {refs} AS refs,
        wanted.locale
    FROM (
        SELECT asked.message_id, person.id AS subscriber_id, asked.at, asked.soon,
            asked.repeat_since, asked.budget_since, asked.list_id, known.status, known.epoch,
            person.locale{refs_in_order}
        FROM ({rows}) AS asked {person} {known}
    ) AS wanted
    GROUP BY wanted.message_id, wanted.subscriber_id, wanted.at, wanted.soon, wanted.repeat_since,
        wanted.budget_since, wanted.locale
) AS message
)
SELECT decided.message_id, decided.subscriber_id, decided.kind, decided.refs, decided.locale,
    decided.status, decided.at, decided.at
FROM decided
WHERE decided.status = 'queued' OR (SELECT count(*) FROM (SELECT 1 FROM outbox_messages AS spare
    WHERE spare.subscriber_id = decided.subscriber_id AND spare.status = 'withheld'
    AND spare.created_at > decided.budget_since AND spare.created_at <= decided.soon
    LIMIT :withheld) AS enough) < :withheld
""",
    rows=_ROWS,
    person=_PERSON,
    known=_KNOWN,
    refs=Sql(
        postgresql="""jsonb_agg(jsonb_build_array(wanted.list_id, wanted.epoch)
            ORDER BY wanted.list_id)""",
        sqlite="max(wanted.refs)",
    ),
    refs_in_order=Sql(
        postgresql="",
        # Before version 3.44 only a window function of SQLite gathers in a given order.
        sqlite=""", '[' || group_concat(json_array(asked.list_id, known.epoch), ',') OVER (
            PARTITION BY asked.message_id ORDER BY asked.list_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) || ']' AS refs""",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signup:
    """One request to subscribe one address to one or more lists."""

    message_id: UUID
    address: Address
    list_ids: tuple[UUID, ...]
    at: datetime
    evidence: Evidence
    name: str | None = None
    attributes: dict[str, Any] | None = None
    text_versions: Mapping[UUID, str] = field(default_factory=dict)
    """Which version of each list's consent text was shown; the built-in one where left out."""


SIGN_UP = Together(
    name="sign_up",
    values={"rows": "jsonb", "budget": "int", "withheld": "int"},
    statements=(_SUBSCRIBERS, _SUBSCRIPTIONS, _EVENTS, _MESSAGES),
    is_by_index=True,
)


def record_signups(connection: Connection, signups: Sequence[Signup]) -> None:
    """Write subscriber, subscriptions, consent events and outbox message of each signup, as part of
    this transaction.

    No two of the signups may have the same address: the rules of one look at what the other wrote.
    """
    SIGN_UP.run(connection, **signup_values(signups))


def commit_signups(engine: Engine, signups: Sequence[Signup]) -> None:
    """Do as `record_signups` does, in a transaction of its own."""
    SIGN_UP.commit(engine, **signup_values(signups))


def signup_values(signups: Sequence[Signup]) -> dict[str, Any]:
    """Return the values of `SIGN_UP`."""
    rows = rows_parameter(
        [
            {
                "subscriber_id": new_id(),
                "message_id": signup.message_id,
                "event_id": new_id(),
                "list_id": list_id,
                "place": place,
                "email": signup.address.typed,
                "email_key": signup.address.key,
                "name": signup.name,
                "locale": signup.evidence.locale,
                "attributes": signup.attributes,
                "source": signup.evidence.source,
                "ip": signup.evidence.ip,
                "text_version": signup.text_versions.get(list_id, CONSENT_TEXT_VERSION),
                "at": signup.at,
                "soon": signup.at + SOON,
                "repeat_since": signup.at - REPEAT_AFTER,
                "budget_since": signup.at - timedelta(days=1),
            }
            for signup in signups
            for place, list_id in enumerate(sorted(signup.list_ids))
        ]
    )
    return {"rows": rows, "budget": MAILS_A_DAY, "withheld": WITHHELD_A_DAY}
