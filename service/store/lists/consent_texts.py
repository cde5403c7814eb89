"""Consent texts by version. Rows are only added."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, case, func, insert, select

from service.domain.consent import CONSENT_TEXT_VERSION
from service.domain.lists.consent_text import ConsentText
from service.domain.subscription import Status
from service.store.tables.lists import ConsentTextVersion, MailingList
from service.store.tables.people import Subscription


def all_texts(connection: Connection) -> Sequence[ConsentText]:
    """Return every text of every list, oldest version first."""
    query = select(ConsentTextVersion.__table__).order_by(
        ConsentTextVersion.mailing_list_id, ConsentTextVersion.version
    )
    return [
        ConsentText(**{**row, "version": str(row["version"])})
        for row in connection.execute(query).mappings()
    ]


def agreed(connection: Connection, list_id: UUID) -> dict[str | None, tuple[int, int]]:
    """Return for each version how many confirmed under it, and how many of them are still there.

    Counted are subscriptions as they stand, the present cycle of each; None is for those whose
    version is not known. This reads every subscription of the list.
    """
    stays = case((Subscription.status == Status.CONFIRMED.value, 1), else_=0)
    query = (
        select(Subscription.consent_text_version, func.count(), func.sum(stays))
        .where(Subscription.mailing_list_id == list_id, Subscription.confirmed_at.is_not(None))
        .group_by(Subscription.consent_text_version)
    )
    return {version: (all_, int(still)) for version, all_, still in connection.execute(query)}


def insert_text(
    connection: Connection, *, mailing_list_id: UUID, locale: str, text: str, at: datetime
) -> str:
    """Add the list's next version and return it. "1" is the built-in text, so the first is "2"."""
    connection.execute(  # two at once would take the same number
        select(MailingList.id).where(MailingList.id == mailing_list_id).with_for_update()
    )
    newest = connection.scalar(
        select(func.max(ConsentTextVersion.version)).where(
            ConsentTextVersion.mailing_list_id == mailing_list_id
        )
    )
    version = int(newest or CONSENT_TEXT_VERSION) + 1
    connection.execute(
        insert(ConsentTextVersion).values(
            mailing_list_id=mailing_list_id,
            version=version,
            locale=locale,
            text=text,
            created_at=at,
        )
    )
    return str(version)
