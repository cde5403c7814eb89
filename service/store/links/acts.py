"""What links do to subscriptions: confirm, unsubscribe, resume; for any number of links at once.

Each change is conditional on the state and epoch that it needs, so that a link acts once however
often it is posted, and never on a later cycle than its own.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from service.domain.address import address_hash
from service.domain.consent import ConsentKind, Evidence
from service.domain.subscription import REASONS, UNDOS, EndedReason, LinkScope, Status
from service.store.bulk import pipelined, rows_of, rows_parameter
from service.store.people.suppressions import lift_erased
from service.store.sql import Sql, run, sql
from service.store.types import new_id

_ACTS = rows_of(
    "event_id:uuid subscriber_id:uuid list_id:uuid epoch:int at:time reason:text source:text "
    "locale:text ip:text text_version:text kind:text detail:text since:time"
)
_KEY = """
    subscriptions.subscriber_id = acts.subscriber_id
    AND subscriptions.mailing_list_id = acts.list_id
"""
_CONFIRM = sql(
    """
UPDATE subscriptions SET status = 'confirmed', confirmed_at = acts.at, updated_at = acts.at,
    consent_text_version = coalesce(acts.text_version, subscriptions.consent_text_version)
FROM ({rows}) AS acts
WHERE {key} AND subscriptions.epoch = acts.epoch AND subscriptions.status = 'pending'
RETURNING subscriptions.subscriber_id, subscriptions.mailing_list_id,
    (SELECT email_key FROM subscribers WHERE subscribers.id = subscriptions.subscriber_id)
        AS email_key
""",
    rows=_ACTS,
    key=_KEY,
)
# An old link still unsubscribes: a click on "unsubscribe" in last year's issue is meant.
_LEAVE = sql(
    """
UPDATE subscriptions SET status = 'unsubscribed', ended_at = acts.at, ended_reason = acts.reason,
    updated_at = acts.at
FROM ({rows}) AS acts
WHERE {key} AND subscriptions.status <> 'unsubscribed'
RETURNING subscriptions.subscriber_id, subscriptions.mailing_list_id
""",
    rows=_ACTS,
    key=_KEY,
)
# The index of acts is of these kinds: SQLite takes it only where they are named as it names them.
_OFTEN = """
(SELECT count(*) FROM consent_events AS act
    WHERE act.subscriber_id = acts.subscriber_id AND act.mailing_list_id = acts.list_id
    AND act.epoch = {epoch} AND act.kind = acts.kind
    AND act.kind IN ('confirmed', 'resumed', 'reason_given'))
"""
# Only a subscription that was confirmed, and that the person ended, can be resumed. How often is
# limited, as each time adds to the ledger.
_RESUME = sql(
    """
UPDATE subscriptions SET status = 'confirmed', ended_at = NULL, ended_reason = NULL,
    updated_at = acts.at
FROM ({rows}) AS acts
WHERE {key} AND subscriptions.epoch = acts.epoch AND subscriptions.status = 'unsubscribed'
    AND subscriptions.confirmed_at IS NOT NULL AND subscriptions.ended_at >= acts.since
    AND subscriptions.ended_reason IN ('unsubscribed', 'one_click')
    AND {often} < {undos}
RETURNING subscriptions.subscriber_id, subscriptions.mailing_list_id
""",
    rows=_ACTS,
    key=_KEY,
    often=sql(_OFTEN, epoch="acts.epoch"),
    undos=UNDOS,
)
# Where no consent text was shown, the event is about the one that the person agreed to before.
_EVENTS = sql(
    """
INSERT INTO consent_events
    (id, subscriber_id, mailing_list_id, epoch, kind, at, source, locale, ip, text_version, detail,
     email)
SELECT acts.event_id, acts.subscriber_id, acts.list_id, known.epoch, acts.kind, acts.at,
    acts.source, acts.locale, acts.ip, coalesce(acts.text_version, known.consent_text_version),
    acts.detail, person.email
FROM ({rows}) AS acts
JOIN subscriptions AS known ON known.subscriber_id = acts.subscriber_id
    AND known.mailing_list_id = acts.list_id
JOIN subscribers AS person ON person.id = acts.subscriber_id
""",
    rows=_ACTS,
)
_REASON = sql(
    "{events} WHERE {often} < {reasons}",
    events=_EVENTS,
    often=sql(_OFTEN, epoch="known.epoch"),
    reasons=REASONS,
)
# An UPDATE locks rows in the order of its plan. Here they are locked in the order of their keys.
_LOCK = sql(
    """
SELECT 1 FROM ({rows}) AS acts JOIN subscriptions AS known
    ON known.subscriber_id = acts.subscriber_id AND known.mailing_list_id = acts.list_id
ORDER BY known.subscriber_id, known.mailing_list_id FOR NO KEY UPDATE OF known
""",
    rows=_ACTS,
)
_STATES = sql(
    """
SELECT known.subscriber_id, known.mailing_list_id, known.status, known.epoch, known.confirmed_at
FROM ({rows}) AS asked
JOIN subscriptions AS known ON known.subscriber_id = asked.subscriber_id
    AND known.mailing_list_id = asked.list_id
""",
    rows=rows_of("subscriber_id:uuid list_id:uuid"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A link that was posted."""

    scope: LinkScope
    at: datetime
    evidence: Evidence
    reason: EndedReason = EndedReason.UNSUBSCRIBED
    detail: str | None = None
    """Why, in the person's words."""
    text_versions: Mapping[UUID, str] = field(default_factory=dict)
    """Which version of each list's consent text the page showed, where it showed one."""


Pair = tuple[UUID, UUID]
"""Subscriber and mailing list: a subscription's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A subscription as it stands."""

    status: Status
    epoch: int
    was_confirmed: bool


def _rows(
    acts: Iterable[Act], kind: ConsentKind, since: datetime | None = None
) -> list[dict[str, object]]:
    """Lay the acts out as rows, one a subscription, in one order for all who lock them."""
    rows: list[dict[str, object]] = [
        {
            "event_id": new_id(),
            "subscriber_id": act.scope.subscriber_id,
            "list_id": ref.mailing_list_id,
            "epoch": ref.epoch,
            "at": act.at,
            "reason": act.reason,
            "source": act.evidence.source,
            "locale": act.evidence.locale,
            "ip": act.evidence.ip,
            "text_version": act.text_versions.get(ref.mailing_list_id),
            "kind": kind,
            "detail": act.detail,
            "since": since,
        }
        for act in acts
        for ref in act.scope.refs
    ]
    return sorted(rows, key=lambda row: (str(row["subscriber_id"]), str(row["list_id"])))


def _change(connection: Connection, statement: Sql, rows: Sequence[dict[str, object]]) -> set[Pair]:
    """Run the conditional change and write a consent event for each subscription it changed."""
    changed = {_pair(row) for row in _update(connection, statement, rows)}
    if changed:
        _record(connection, rows, changed)
    return changed


def _update(
    connection: Connection, statement: Sql, rows: Sequence[dict[str, object]]
) -> Sequence[Row[Any]]:
    """Run the conditional change; return what it returns of each subscription it changed."""
    given = rows_parameter(rows)
    if len(rows) > 1 and connection.dialect.name == "postgresql":
        run(connection, _LOCK, rows=given)
    return run(connection, statement, rows=given).all()


def _record(
    connection: Connection, rows: Sequence[dict[str, object]], changed: Container[Pair]
) -> None:
    """Write a consent event for each of the rows whose subscription was changed."""
    events = [row for row in rows if (row["subscriber_id"], row["list_id"]) in changed]
    run(connection, _EVENTS, rows=rows_parameter(events))


def _pair(row: Sequence[object]) -> Pair:
    """Read a subscription's key from a row of raw SQL, where SQLite gives text."""
    return UUID(str(row[0])), UUID(str(row[1]))


def confirm(connection: Connection, acts: Sequence[Act], *, hash_key: bytes) -> set[Pair]:
    """Confirm what is pending in the link's own epoch; return what changed.

    A person who had been erased wants email again: this lifts `erased` from the address, and no
    other reason. `hash_key` is the key that suppressed addresses are hashed with.
    """
    rows = _rows(acts, ConsentKind.CONFIRMED)
    confirmed = _update(connection, _CONFIRM, rows)
    changed = {_pair(row) for row in confirmed}
    if changed:
        hashes = {address_hash(row.email_key, hash_key) for row in confirmed}
        with pipelined(connection):
            _record(connection, rows, changed)
            lift_erased(connection, hashes)
    return changed


def leave(connection: Connection, acts: Sequence[Act]) -> set[Pair]:
    """End the subscriptions, whatever their epoch; return what changed."""
    return _change(connection, _LEAVE, _rows(acts, ConsentKind.UNSUBSCRIBED))


def resume(connection: Connection, act: Act, *, since: datetime) -> set[Pair]:
    """Resume what the person unsubscribed from after `since`; return what changed."""
    return _change(connection, _RESUME, _rows([act], ConsentKind.RESUMED, since))


def states(connection: Connection, scopes: Iterable[LinkScope]) -> dict[Pair, State]:
    """Return the subscriptions that the links are about, as far as they exist."""
    rows = [
        {"subscriber_id": each.subscriber_id, "list_id": ref.mailing_list_id}
        for each in scopes
        for ref in each.refs
    ]
    found = run(connection, _STATES, rows=rows_parameter(rows))
    return {
        _pair(row): State(
            status=Status(row.status),
            epoch=row.epoch,
            was_confirmed=row.confirmed_at is not None,
        )
        for row in found
    }


def record_reason(connection: Connection, act: Act) -> None:
    """Append to the ledger why the person unsubscribed (`act.detail`), a few times in a cycle."""
    rows = rows_parameter(_rows([act], ConsentKind.REASON))
    if connection.dialect.name == "postgresql":
        # One after the other, so that each counts those before it.
        run(connection, _LOCK, rows=rows)
    run(connection, _REASON, rows=rows)
