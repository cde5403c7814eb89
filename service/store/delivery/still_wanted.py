"""Whether a queued email is still to be sent: what may have changed since it was promised."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, select

from service.domain.subscription import MAILS_A_DAY, LinkScope, SuppressionReason
from service.store.bulk import execute_bulk, rows_parameter
from service.store.tables.people import Suppression

# Imports queue confirmation emails long before they are due, so a message with a higher id may have
# been requested later yet sent earlier. It may ask the same, or use up the person's emails of the
# day.
_NO_LONGER_WANTED_ANY = """
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
WHERE <own asks it all> OR (SELECT count(*) FROM (SELECT 1 FROM outbox_messages AS sent
    WHERE sent.subscriber_id = mail.subscriber_id AND sent.status <> 'withheld'
    AND sent.created_at < mail.created_at AND sent.created_at > <a day before>
    LIMIT :budget) AS enough) >= :budget
"""
_WORDS = {
    "postgresql": {
        "own asks it all": "own.refs @> mail.refs",
        "a day before": "mail.created_at - interval '1 day'",
    },
    "sqlite": {
        "own asks it all": """NOT EXISTS (SELECT 1 FROM json_each(mail.refs) AS ref
    WHERE ref.value NOT IN (SELECT value FROM json_each(own.refs)))""",
        "a day before": "strftime('%Y-%m-%dT%H:%M:%f', mail.created_at, '-1 day')",
    },
}


def _for(dialect: str) -> str:
    sql = _NO_LONGER_WANTED_ANY
    for name, words in _WORDS[dialect].items():
        sql = sql.replace(f"<{name}>", words)
    return sql


_NO_LONGER_WANTED = {dialect: _for(dialect) for dialect in _WORDS}


def suppressed(connection: Connection, hashes: Sequence[str]) -> dict[str, list[SuppressionReason]]:
    """Return why which of these addresses (by keyed hash) are not to be mailed."""
    rows = connection.execute(
        select(Suppression.address_hash, Suppression.reason).where(
            Suppression.address_hash.in_(hashes)
        )
    )
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
    found = execute_bulk(
        connection,
        _NO_LONGER_WANTED[connection.dialect.name],
        columns="id:uuid subscriber_id:uuid list_id:uuid epoch:int",
        rows=rows_parameter(asked),
        budget=MAILS_A_DAY,
    )
    return {UUID(row.id): row.reason for row in found}
