"""Bounces and complaints that a file reports, compared with what is known of the addresses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from service.domain.subscription import SuppressionReason
from service.store.bulk import rows_of, rows_parameter
from service.store.sql import run, sql

# A later confirmation shows that the address works, or that its owner wants email again.
_KNOWN = sql(
    """
SELECT given.place, CAST(person.id AS text) AS subscriber_id,
    EXISTS (SELECT 1 FROM suppressions AS known
        WHERE known.address_hash = given.address_hash AND known.reason = given.reason) AS is_known,
    EXISTS (SELECT 1 FROM suppressions AS known
        WHERE known.address_hash = given.address_hash AND known.reason = 'erased') AS is_erased,
    person.id IS NOT NULL AND given.latest IS NOT NULL AND (
        EXISTS (SELECT 1 FROM subscriptions AS held
            WHERE held.subscriber_id = person.id AND held.confirmed_at >= given.latest)
        OR EXISTS (SELECT 1 FROM consent_events AS own WHERE own.subscriber_id = person.id
            AND own.kind IN ('confirmed', 'resumed') AND own.at >= given.earliest)) AS is_outdated
FROM ({rows}) AS given LEFT JOIN subscribers AS person ON person.email_key = given.email_key
""",
    rows=rows_of(
        "place:int email_key:text address_hash:text reason:text earliest:time latest:time"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressReport:
    """Why an address must not be emailed, as a file says. Times are None if the file has none."""

    email_key: str
    address_hash: str
    reason: SuppressionReason
    earliest: datetime | None
    latest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAddress:
    """What is known here of a reported address."""

    report: AddressReport
    subscriber_id: UUID | None
    is_known: bool
    """Whether it is suppressed for this reason already."""
    is_erased: bool
    is_outdated: bool
    """Whether the person confirmed after that."""


def known_addresses(connection: Connection, reports: Sequence[AddressReport]) -> list[KnownAddress]:
    """Return what is known of each address."""
    rows = [
        {
            "place": place,
            "email_key": each.email_key,
            "address_hash": each.address_hash,
            "reason": each.reason,
            "earliest": each.earliest,
            "latest": each.latest,
        }
        for place, each in enumerate(reports)
    ]
    found = run(connection, _KNOWN, rows=rows_parameter(rows))
    return [
        KnownAddress(
            report=reports[row.place],
            subscriber_id=UUID(row.subscriber_id) if row.subscriber_id else None,
            is_known=bool(row.is_known),
            is_erased=bool(row.is_erased),
            is_outdated=bool(row.is_outdated),
        )
        for row in found
    ]
