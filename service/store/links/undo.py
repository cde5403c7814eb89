"""Taking a leaving back, and saying why one left."""

from datetime import datetime

from sqlalchemy import Connection

from service.domain.consent import ConsentKind
from service.domain.subscription import REASONS, UNDOS
from service.store.bulk import rows_parameter
from service.store.links.acts import ACTS, EVENTS, KEY, LOCK, Act, Pair, act_rows, pair_of
from service.store.sql import run, sql

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
    rows=ACTS,
    key=KEY,
    often=sql(_OFTEN, epoch="acts.epoch"),
    undos=UNDOS,
)
_REASON = sql(
    "{events} WHERE {often} < {reasons}",
    events=EVENTS,
    often=sql(_OFTEN, epoch="known.epoch"),
    reasons=REASONS,
)


def resume(connection: Connection, act: Act, *, since: datetime) -> set[Pair]:
    """Resume what the person unsubscribed from after `since`; return what changed."""
    rows = act_rows([act], ConsentKind.RESUMED, since=since)
    if connection.dialect.name == "postgresql":
        run(connection, LOCK, rows=rows_parameter(rows))
    changed = {pair_of(row) for row in run(connection, _RESUME, rows=rows_parameter(rows))}
    events = [row for row in rows if (row["subscriber_id"], row["list_id"]) in changed]
    run(connection, EVENTS, rows=rows_parameter(events))
    return changed


def record_reason(connection: Connection, act: Act) -> None:
    """Append to the ledger why the person unsubscribed (`act.detail`), a few times in a cycle."""
    rows = rows_parameter(act_rows([act], ConsentKind.REASON))
    if connection.dialect.name == "postgresql":
        # One after the other, so that each counts those before it.
        run(connection, LOCK, rows=rows)
    run(connection, _REASON, rows=rows)
