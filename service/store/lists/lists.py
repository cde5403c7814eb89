"""Mailing lists: rows to `ListInfo` and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, insert, select, update

from service.domain.lists.mailing_list import ListInfo
from service.store.tables.lists import MailingList
from service.store.types import new_id

FIRST_SLUG = "news-flash"
FIRST_NAME = "News Flash"

_COLUMNS = (
    MailingList.id,
    MailingList.slug,
    MailingList.name,
    MailingList.description,
    MailingList.controller,
    MailingList.privacy_url,
    MailingList.sender,
    MailingList.origins,
    MailingList.redirect_url,
    MailingList.locale,
    MailingList.is_default,
)


def _info(row: RowMapping) -> ListInfo:
    return ListInfo(**{**row, "origins": tuple(row["origins"])})


def get_by_slug(connection: Connection, slug: str) -> ListInfo | None:
    """Return the list with this slug, or None."""
    query = select(*_COLUMNS).where(MailingList.slug == slug)
    row = connection.execute(query).mappings().one_or_none()
    return _info(row) if row is not None else None


def all_lists(connection: Connection) -> Sequence[ListInfo]:
    """Return every list, in the order of their slugs."""
    query = select(*_COLUMNS).order_by(MailingList.slug)
    return [_info(row) for row in connection.execute(query).mappings()]


def insert_list(
    connection: Connection, *, slug: str, name: str, at: datetime, **values: Any
) -> UUID:
    """Add a list and return its id. `values` are further columns by name."""
    list_id = new_id()
    connection.execute(
        insert(MailingList).values(
            id=list_id,
            slug=slug,
            name=name,
            created_at=at,
            updated_at=at,
            **{
                "description": "",
                "controller": "",
                "privacy_url": "",
                "origins": [],
                "locale": "en",
                "is_default": False,
                **values,
            },
        )
    )
    return list_id


def update_list(
    connection: Connection, list_id: UUID, *, at: datetime, changes: Mapping[str, Any]
) -> None:
    """Change columns of one list by name."""
    connection.execute(
        update(MailingList).where(MailingList.id == list_id).values(updated_at=at, **changes)
    )


def lock_default(connection: Connection) -> None:
    """Let one transaction at a time say which list is the default; reading goes on."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE mailing_lists IN SHARE ROW EXCLUSIVE MODE")


def clear_default(connection: Connection, *, at: datetime) -> None:
    """Leave no list as the default: the caller makes another one so."""
    connection.execute(
        update(MailingList).where(MailingList.is_default).values(updated_at=at, is_default=False)
    )


def insert_first_list(connection: Connection, *, at: datetime) -> bool:
    """Give a database without lists its first one, the default; return whether that was done.

    Several processes may start at once: the slug is unique, so the second one writes nothing.
    """
    if connection.execute(select(MailingList.id).limit(1)).first() is not None:
        return False
    if connection.dialect.name == "postgresql":
        # SQLite has one writer at a time; here two could both have found the table empty.
        connection.exec_driver_sql("LOCK TABLE mailing_lists IN SHARE ROW EXCLUSIVE MODE")
        if connection.execute(select(MailingList.id).limit(1)).first() is not None:
            return False
    insert_list(connection, slug=FIRST_SLUG, name=FIRST_NAME, at=at, is_default=True)
    return True
