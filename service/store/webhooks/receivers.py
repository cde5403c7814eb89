"""Outgoing webhooks: queueing events for them, and administering them.

`deliveries.py` holds the worker's side.
"""

import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, select, update

from service.domain.webhooks.event import DeliveryStatus, EventType
from service.domain.webhooks.webhook import AttemptInfo, WebhookInfo
from service.store.bulk import rows_of, rows_parameter
from service.store.database import reading
from service.store.links.acts import Act, Pair
from service.store.sql import Sql, run, sql
from service.store.tables.webhooks import Webhook, WebhookAttempt
from service.store.types import new_id

CACHE_SECONDS = 1.0
"""How long a process may miss a webhook that another process has just made."""

_COLUMNS = (
    Webhook.id,
    Webhook.url,
    Webhook.events,
    Webhook.mailing_list_id,
    Webhook.is_enabled,
    Webhook.disabled_reason,
    Webhook.created_at,
)

# The end of a subscription that was never confirmed is no event: neither was its beginning.
_ENQUEUE = sql(
    """
INSERT INTO webhook_deliveries
    (webhook_id, event_id, type, subscriber_id, mailing_list_id, reason, created_at, status,
     next_attempt_at)
SELECT hook.id, changed.event_id, :type, changed.subscriber_id, changed.list_id, changed.reason,
    changed.at, :queued, changed.at
FROM ({rows}) AS changed
JOIN webhooks AS hook ON hook.is_enabled AND {wants}
WHERE (changed.list_id IS NULL OR EXISTS (SELECT 1 FROM subscriptions AS known
        WHERE known.subscriber_id = changed.subscriber_id
        AND known.mailing_list_id = changed.list_id AND known.confirmed_at IS NOT NULL))
    AND (hook.mailing_list_id IS NULL OR hook.mailing_list_id = changed.list_id
        OR (changed.list_id IS NULL AND EXISTS (SELECT 1 FROM subscriptions AS held
            WHERE held.subscriber_id = changed.subscriber_id
            AND held.mailing_list_id = hook.mailing_list_id)))
""",
    rows=rows_of("event_id:uuid subscriber_id:uuid list_id:uuid reason:text at:time"),
    wants=Sql(
        postgresql="hook.events @> jsonb_build_array(CAST(:type AS text))",
        sqlite="EXISTS (SELECT 1 FROM json_each(hook.events) AS each WHERE each.value = :type)",
    ),
)

_OPTION = "newsflash_webhook_types"
"""The engine's execution option that keeps which types are wanted."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The types that any enabled webhook wants, as long as that is known."""

    types: frozenset[str] = frozenset()
    expires: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happened to a subscriber, or to one of their subscriptions."""

    subscriber_id: UUID
    at: datetime
    mailing_list_id: UUID | None = None
    reason: str | None = None
    """A short machine-readable word."""


def changes(
    acts: Iterable[Act],
    changed: Container[Pair],
    *,
    reason_of: Callable[[Act], str | None] = lambda _: None,
) -> Iterator[Change]:
    """Go through what the acts changed: `changed` is what `links/acts.py` returned for them."""
    for act in acts:
        subscriber_id = act.scope.subscriber_id
        for list_id in act.scope.list_ids:
            if (subscriber_id, list_id) in changed:
                yield Change(
                    subscriber_id=subscriber_id,
                    mailing_list_id=list_id,
                    at=act.at,
                    reason=reason_of(act),
                )


def enqueue(connection: Connection, type_: EventType, changes: Iterable[Change]) -> None:
    """Queue the event for every webhook that wants it, in the transaction of the change itself.

    One statement for any number of changes, and none while no webhook wants this type (looked up
    once a second). Call it after the change; for `ERASED` before the subscriptions are deleted, as
    they say which lists' webhooks get it.
    """
    if type_ not in _wanted_types(connection):
        return
    rows = [
        {
            "event_id": new_id(),
            "subscriber_id": change.subscriber_id,
            "list_id": change.mailing_list_id,
            "reason": change.reason,
            "at": change.at,
        }
        for change in changes
    ]
    if rows:
        run(
            connection,
            _ENQUEUE,
            rows=rows_parameter(rows),
            type=type_.value,
            queued=DeliveryStatus.QUEUED.value,
        )


def is_wanted(engine: Engine, type_: EventType) -> bool:
    """Tell whether any webhook wants this type, as `enqueue` knows it."""
    if time.monotonic() < _known(engine).expires:
        return type_ in _known(engine).types
    with reading(engine) as connection:
        return type_ in _wanted_types(connection)


def _known(engine: Engine) -> _Wanted:
    found: _Wanted = engine.get_execution_options().get(_OPTION, _Wanted())
    return found


def _wanted_types(connection: Connection) -> frozenset[str]:
    """Return the types that any enabled webhook wants, at most `CACHE_SECONDS` old."""
    now = time.monotonic()
    wanted = _known(connection.engine)
    if now >= wanted.expires:
        found = connection.scalars(select(Webhook.events).where(Webhook.is_enabled))
        types = frozenset(type_ for events in found for type_ in events)
        wanted = _Wanted(types, now + CACHE_SECONDS)
        connection.engine.update_execution_options(**{_OPTION: wanted})
    return wanted.types


def forget_cached_types(engine: Engine) -> None:
    """Have this process look up the wanted types again at its next event."""
    engine.update_execution_options(**{_OPTION: _Wanted()})


def _info(row: RowMapping) -> WebhookInfo:
    return WebhookInfo(**{**row, "events": tuple(EventType(each) for each in row["events"])})


def insert_webhook(
    connection: Connection,
    *,
    url: str,
    secret: str,
    events: Sequence[EventType],
    mailing_list_id: UUID | None,
    at: datetime,
) -> UUID:
    """Add an enabled webhook and return its id."""
    webhook_id = new_id()
    connection.execute(
        insert(Webhook).values(
            id=webhook_id,
            url=url,
            secret=secret,
            events=[each.value for each in events],
            mailing_list_id=mailing_list_id,
            is_enabled=True,
            created_at=at,
        )
    )
    return webhook_id


def get(connection: Connection, webhook_id: UUID) -> WebhookInfo | None:
    """Return the webhook, or None."""
    query = select(*_COLUMNS).where(Webhook.id == webhook_id)
    row = connection.execute(query).mappings().one_or_none()
    return _info(row) if row is not None else None


def all_webhooks(connection: Connection) -> list[WebhookInfo]:
    """Return every webhook, oldest first."""
    return [
        _info(row) for row in connection.execute(select(*_COLUMNS).order_by(Webhook.id)).mappings()
    ]


def update_webhook(connection: Connection, webhook_id: UUID, changes: Mapping[str, Any]) -> None:
    """Change columns by name. A webhook that is enabled begins without failures or pause."""
    values = dict(changes)
    if values.get("is_enabled"):
        values.update(disabled_reason=None, failures=0, paused_until=None)
    connection.execute(update(Webhook).where(Webhook.id == webhook_id).values(**values))


def delete_webhook(connection: Connection, webhook_id: UUID) -> bool:
    """Remove the webhook with its queued deliveries; return whether there was one."""
    return connection.execute(delete(Webhook).where(Webhook.id == webhook_id)).rowcount > 0


def attempts_page(
    connection: Connection, webhook_id: UUID, *, limit: int, before: UUID | None
) -> list[AttemptInfo]:
    """Return the newest calls to the webhook, or those older than the one `before`."""
    query = (
        select(
            WebhookAttempt.id,
            WebhookAttempt.event_id,
            WebhookAttempt.type,
            WebhookAttempt.at,
            WebhookAttempt.status_code,
            WebhookAttempt.error,
            WebhookAttempt.duration_ms,
        )
        .where(WebhookAttempt.webhook_id == webhook_id)
        .order_by(WebhookAttempt.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(WebhookAttempt.id < before)
    return [
        AttemptInfo(**{**row, "type": EventType(row["type"])})
        for row in connection.execute(query).mappings()
    ]
