"""Whether a queued email is still to be sent: what may have changed since it was promised."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, bindparam, select

from service.domain.subscription import MAILS_A_DAY, LinkScope, SuppressionReason
from service.store.bulk import rows_of, rows_parameter
from service.store.sql import Sql, run, sql
from service.store.tables.people import Suppression

# Imports queue confirmation emails long before they are due, so a message with a higher id may have
# been requested later yet sent earlier. It may ask the same, or use up the person's emails of the
# day.
_NO_LONGER_WANTED = sql(
    """
SELECT CAST(asked.id AS text) AS id, 'ended' AS reason FROM ({rows}) AS asked
LEFT JOIN subscriptions AS known ON known.subscriber_id = asked.subscriber_id
    AND known.mailing_list_id = asked.list_id AND known.epoch = asked.epoch
    AND known.status <> 'unsubscribed'
GROUP BY asked.id HAVING count(known.status) = 0
UNION
SELECT CAST(mail.id AS text), 'asked_since' FROM ({rows}) AS asked
JOIN outbox_messages AS mail ON mail.id = asked.id
JOIN outbox_messages AS own ON own.subscriber_id = mail.subscriber_id
    AND own.status <> 'withheld' AND own.created_at < mail.created_at AND own.id > mail.id
WHERE {own_asks_it_all} OR (SELECT count(*) FROM (SELECT 1 FROM outbox_messages AS sent
    WHERE sent.subscriber_id = mail.subscriber_id AND sent.status <> 'withheld'
    AND sent.created_at < mail.created_at AND sent.created_at > {a_day_before}
    LIMIT :budget) AS enough) >= :budget
""",
    rows=rows_of("id:uuid subscriber_id:uuid list_id:uuid epoch:int"),
    own_asks_it_all=Sql(
        postgresql="own.refs @> mail.refs",
        sqlite="""NOT EXISTS (SELECT 1 FROM json_each(mail.refs) AS ref
    WHERE ref.value NOT IN (SELECT value FROM json_each(own.refs)))""",
    ),
    a_day_before=Sql(
        postgresql="mail.created_at - interval '1 day'",
        sqlite="strftime('%Y-%m-%dT%H:%M:%f', mail.created_at, '-1 day')",
    ),
)

_SUPPRESSED = select(Suppression.address_hash, Suppression.reason).where(
    Suppression.address_hash.in_(bindparam("hashes", expanding=True))
)


def suppressed(connection: Connection, hashes: Sequence[str]) -> dict[str, list[SuppressionReason]]:
    """Return why which of these addresses (by keyed hash) are not to be mailed."""
    rows = connection.execute(_SUPPRESSED, {"hashes": hashes})
    reasons: dict[str, list[SuppressionReason]] = {}
    for row in rows:
        reasons.setdefault(row.address_hash, []).append(SuppressionReason(row.reason))
    return reasons


def no_longer_wanted(connection: Connection, messages: Mapping[UUID, LinkScope]) -> dict[UUID, str]:
    """Return which of these messages need not go any more, each with a word that says why.

    `ended`: it is only about subscriptions that have ended. `asked_since`: it is an import's, and
    the person was asked the same since, or had the day's emails.
    """
    asked = [
        {
            "id": message_id,
            "subscriber_id": scope.subscriber_id,
            "list_id": ref.mailing_list_id,
            "epoch": ref.epoch,
        }
        for message_id, scope in messages.items()
        for ref in scope.refs
    ]
    found = run(connection, _NO_LONGER_WANTED, rows=rows_parameter(asked), budget=MAILS_A_DAY)
    return {UUID(row.id): row.reason for row in found}
