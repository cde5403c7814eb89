"""One-time links and sessions of the admin pages."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, insert, or_, select, update

from service.domain.access.roles import Role
from service.store.tables.access import AdminLink, AdminSession, ApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """A session: the key it was opened with, or the person who did, or neither: a one-time link."""

    key_name: str | None
    person: str | None
    created_at: datetime
    last_used_at: datetime


def insert_link(connection: Connection, link_id: UUID, *, at: datetime) -> None:
    """Add a one-time link."""
    connection.execute(insert(AdminLink).values(id=link_id, created_at=at))


def has_link(connection: Connection, link_id: UUID, *, since: datetime) -> bool:
    """Tell whether the link was made after `since` and is not used."""
    query = select(AdminLink.id).where(AdminLink.id == link_id, AdminLink.created_at > since)
    return connection.execute(query).first() is not None


def take_link(connection: Connection, link_id: UUID, *, since: datetime) -> bool:
    """Use the link up; return whether it was there and made after `since`."""
    taken = delete(AdminLink).where(AdminLink.id == link_id, AdminLink.created_at > since)
    return connection.execute(taken).rowcount == 1


def insert_session(
    connection: Connection,
    *,
    token_hash: str,
    at: datetime,
    api_key_id: UUID | None = None,
    person: str | None = None,
    admission: str | None = None,
) -> None:
    """Add a session that begins now: a key's, a person's (with their admission), or a link's."""
    connection.execute(
        insert(AdminSession).values(
            token_hash=token_hash,
            api_key_id=api_key_id,
            person=person,
            admission=admission,
            created_at=at,
            last_used_at=at,
        )
    )


def live_session(
    connection: Connection,
    token_hash: str,
    *,
    at: datetime,
    opened_since: datetime,
    used_since: datetime,
    admission: str | None,
) -> SessionInfo | None:
    """Return the session, or None where it is too old, was idle too long, its key has ended, or its
    person came in by another `admission` than the present one.
    """
    query = (
        select(
            ApiKey.name.label("key_name"),
            AdminSession.person,
            AdminSession.created_at,
            AdminSession.last_used_at,
        )
        .outerjoin(ApiKey, ApiKey.id == AdminSession.api_key_id)
        .where(
            AdminSession.token_hash == token_hash,
            AdminSession.created_at > opened_since,
            AdminSession.last_used_at > used_since,
            or_(AdminSession.person.is_(None), AdminSession.admission == admission),
            or_(
                AdminSession.api_key_id.is_(None),
                (ApiKey.role == Role.ADMIN.value)
                & ApiKey.revoked_at.is_(None)
                & (ApiKey.expires_at.is_(None) | (ApiKey.expires_at > at)),
            ),
        )
    )
    row = connection.execute(query).mappings().one_or_none()
    return SessionInfo(**row) if row is not None else None


def touch_session(connection: Connection, token_hash: str, *, at: datetime) -> None:
    """Note that the session was used."""
    connection.execute(
        update(AdminSession).where(AdminSession.token_hash == token_hash).values(last_used_at=at)
    )


def delete_session(connection: Connection, token_hash: str) -> bool:
    """End the session; return whether there was one."""
    ended = delete(AdminSession).where(AdminSession.token_hash == token_hash)
    return connection.execute(ended).rowcount == 1


def delete_of_links(connection: Connection) -> tuple[int, int]:
    """End every session that a link opened, and every link; return how many of each."""
    of_links = AdminSession.api_key_id.is_(None) & AdminSession.person.is_(None)
    sessions = connection.execute(delete(AdminSession).where(of_links)).rowcount
    return sessions, connection.execute(delete(AdminLink)).rowcount


def delete_all(connection: Connection) -> tuple[int, int]:
    """End every session, whatever opened it, and every link; return how many of each."""
    sessions = connection.execute(delete(AdminSession)).rowcount
    return sessions, connection.execute(delete(AdminLink)).rowcount


def delete_stale(
    connection: Connection,
    *,
    links_before: datetime,
    opened_before: datetime,
    used_before: datetime,
) -> None:
    """Remove links and sessions that cannot be used any more."""
    connection.execute(delete(AdminLink).where(AdminLink.created_at <= links_before))
    connection.execute(
        delete(AdminSession).where(
            or_(AdminSession.created_at <= opened_before, AdminSession.last_used_at <= used_before)
        )
    )
