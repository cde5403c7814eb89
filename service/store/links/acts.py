"""What links do to subscriptions: confirm and unsubscribe, for any number of links at once.

Each change is conditional on the state and epoch that it needs, so that a link acts once however
often it is posted, and never on a later cycle than its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection, Engine

from service.domain.address import address_hash
from service.domain.consent import ConsentKind, Evidence
from service.domain.subscription import EndedReason, LinkScope, Status
from service.store.bulk import rows_of, rows_parameter
from service.store.sql import Sql, run, sql
from service.store.together import Rows, Together
from service.store.types import new_id

ACTS = rows_of(
    "event_id:uuid subscriber_id:uuid list_id:uuid epoch:int at:time reason:text source:text "
    "locale:text ip:text text_version:text kind:text detail:text since:time email_key:text "
    "address_hash:text"
)
KEY = """
    subscriptions.subscriber_id = acts.subscriber_id
    AND subscriptions.mailing_list_id = acts.list_id
"""
_OF_ACTS = sql(
    """
FROM ({rows}) AS acts
JOIN subscriptions AS known ON known.subscriber_id = acts.subscriber_id
    AND known.mailing_list_id = acts.list_id
""",
    rows=ACTS,
)
# An act is several statements on rows that the first one locks: the event is written for what is
# about to change, under the same condition. Rows are locked in the order of their keys, which an
# UPDATE does not keep to.
LOCK = sql(
    Sql(
        postgresql="""SELECT 1 {of_acts}
ORDER BY known.subscriber_id, known.mailing_list_id FOR NO KEY UPDATE OF known""",
        sqlite="SELECT 1",
    ),
    of_acts=_OF_ACTS,
)
# Where no consent text was shown, the event is about the one that the person agreed to before.
EVENTS = sql(
    """
INSERT INTO consent_events
    (id, subscriber_id, mailing_list_id, epoch, kind, at, source, locale, ip, text_version, detail,
     email)
SELECT acts.event_id, acts.subscriber_id, acts.list_id, known.epoch, acts.kind, acts.at,
    acts.source, acts.locale, acts.ip, coalesce(acts.text_version, known.consent_text_version),
    acts.detail, person.email
{of_acts}
JOIN subscribers AS person ON person.id = acts.subscriber_id
""",
    of_acts=_OF_ACTS,
)
_IS_PENDING = "{its}.epoch = acts.epoch AND {its}.status = 'pending'"
# A person who had been erased wants email again. Only this reason is lifted.
_LIFT_ERASED = sql(
    """
DELETE FROM suppressions WHERE reason = 'erased' AND address_hash IN (SELECT acts.address_hash
{of_acts}
JOIN subscribers AS person ON person.id = acts.subscriber_id AND person.email_key = acts.email_key
WHERE {is_pending})
""",
    of_acts=_OF_ACTS,
    is_pending=sql(_IS_PENDING, its="known"),
)
_CONFIRM = Together(
    name="confirm",
    values={"rows": "jsonb"},
    statements=(
        LOCK,
        sql(
            "{events} WHERE {is_pending}",
            events=EVENTS,
            is_pending=sql(_IS_PENDING, its="known"),
        ),
        _LIFT_ERASED,
        sql(
            """
UPDATE subscriptions SET status = 'confirmed', confirmed_at = acts.at, updated_at = acts.at,
    consent_text_version = coalesce(acts.text_version, subscriptions.consent_text_version)
FROM ({rows}) AS acts WHERE {key} AND {is_pending}
RETURNING subscriptions.subscriber_id, subscriptions.mailing_list_id
""",
            rows=ACTS,
            key=KEY,
            is_pending=sql(_IS_PENDING, its="subscriptions"),
        ),
    ),
    returns="subscriber_id uuid, mailing_list_id uuid",
    is_by_index=True,
)
# An old link still unsubscribes: a click on "unsubscribe" in last year's issue is meant.
_LEAVE = Together(
    name="leave",
    values={"rows": "jsonb"},
    statements=(
        LOCK,
        sql("{events} WHERE known.status <> 'unsubscribed'", events=EVENTS),
        sql(
            """
UPDATE subscriptions SET status = 'unsubscribed', ended_at = acts.at, ended_reason = acts.reason,
    updated_at = acts.at
FROM ({rows}) AS acts WHERE {key} AND subscriptions.status <> 'unsubscribed'
RETURNING subscriptions.subscriber_id, subscriptions.mailing_list_id
""",
            rows=ACTS,
            key=KEY,
        ),
    ),
    returns="subscriber_id uuid, mailing_list_id uuid",
)
_EMAIL_KEYS = Together(
    name="email_keys",
    values={"rows": "jsonb"},
    statements=(
        sql(
            """
SELECT person.id, person.email_key FROM ({rows}) AS asked
JOIN subscribers AS person ON person.id = asked.subscriber_id
""",
            rows=rows_of("subscriber_id:uuid"),
        ),
    ),
    returns="id uuid, email_key text",
    is_by_index=True,
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


def act_rows(
    acts: Iterable[Act],
    kind: ConsentKind,
    *,
    since: datetime | None = None,
    addresses: Mapping[UUID, tuple[str, str]] | None = None,
) -> list[dict[str, object]]:
    """Lay the acts out as rows, one a subscription, in one order for all who lock them.

    `addresses` are the subscribers' keys and hashes.
    """
    rows: list[dict[str, object]] = []
    for act in acts:
        subscriber_id = act.scope.subscriber_id
        email_key, hash_ = (addresses or {}).get(subscriber_id, (None, None))
        rows += [
            {
                "event_id": new_id(),
                "subscriber_id": subscriber_id,
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
                "email_key": email_key,
                "address_hash": hash_,
            }
            for ref in act.scope.refs
        ]
    return sorted(rows, key=lambda row: (str(row["subscriber_id"]), str(row["list_id"])))


def pair_of(row: Sequence[object]) -> Pair:
    """Read a subscription's key from a row of raw SQL, where SQLite gives text."""
    return UUID(str(row[0])), UUID(str(row[1]))


class _Run(Protocol):
    def __call__(self, statements: Together, **values: Any) -> Rows: ...


def _within(connection: Connection) -> _Run:
    return lambda statements, **values: statements.run(connection, **values)


def _alone(engine: Engine) -> _Run:
    return lambda statements, **values: statements.commit(engine, **values)


def confirm(connection: Connection, acts: Sequence[Act], *, hash_key: bytes) -> set[Pair]:
    """Confirm what is pending in the link's own epoch; return what changed.

    A person who had been erased wants email again: this lifts `erased` from the address, and no
    other reason. `hash_key` is the key that suppressed addresses are hashed with.
    """
    return _confirm(_within(connection), acts, hash_key)


def commit_confirmed(engine: Engine, acts: Sequence[Act], *, hash_key: bytes) -> set[Pair]:
    """Do as `confirm` does, in a transaction of its own."""
    return _confirm(_alone(engine), acts, hash_key)


def _confirm(run_: _Run, acts: Sequence[Act], hash_key: bytes) -> set[Pair]:
    asked = [{"subscriber_id": act.scope.subscriber_id} for act in acts]
    keys = run_(_EMAIL_KEYS, rows=rows_parameter(asked))
    addresses = {UUID(str(id_)): (key, address_hash(key, hash_key)) for id_, key in keys}
    rows = act_rows(acts, ConsentKind.CONFIRMED, addresses=addresses)
    return {pair_of(row) for row in run_(_CONFIRM, rows=rows_parameter(rows))}


def leave(connection: Connection, acts: Sequence[Act]) -> set[Pair]:
    """End the subscriptions, whatever their epoch; return what changed."""
    return _leave(_within(connection), acts)


def commit_left(engine: Engine, acts: Sequence[Act]) -> set[Pair]:
    """Do as `leave` does, in a transaction of its own."""
    return _leave(_alone(engine), acts)


def _leave(run_: _Run, acts: Sequence[Act]) -> set[Pair]:
    rows = act_rows(acts, ConsentKind.UNSUBSCRIBED)
    return {pair_of(row) for row in run_(_LEAVE, rows=rows_parameter(rows))}


def states(connection: Connection, scopes: Iterable[LinkScope]) -> dict[Pair, State]:
    """Return the subscriptions that the links are about, as far as they exist."""
    rows = [
        {"subscriber_id": each.subscriber_id, "list_id": ref.mailing_list_id}
        for each in scopes
        for ref in each.refs
    ]
    found = run(connection, _STATES, rows=rows_parameter(rows))
    return {
        pair_of(row): State(
            status=Status(row.status),
            epoch=row.epoch,
            was_confirmed=row.confirmed_at is not None,
        )
        for row in found
    }
