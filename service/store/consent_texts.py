"""Consent texts by version. Rows are only added."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, func, insert, select

from service.domain.consent import CONSENT_TEXT_VERSION
from service.domain.consent_text import ConsentText
from service.store.ledger_models import ConsentTextVersion
from service.store.models import MailingList


def all_texts(connection: Connection) -> Sequence[ConsentText]:
    """Return every text of every list, oldest version first."""
    query = select(ConsentTextVersion.__table__).order_by(
        ConsentTextVersion.mailing_list_id, ConsentTextVersion.version
    )
    return [
        ConsentText(**{**row, "version": str(row["version"])})
        for row in connection.execute(query).mappings()
    ]


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
