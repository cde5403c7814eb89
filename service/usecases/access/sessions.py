"""Signing in to the admin pages: by a key of role `admin`, by a one-time link, or as a person whom
an identity provider named (`oidc_sign_in.py`).
"""

import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from service.clock import utc_now
from service.config import OidcSettings
from service.domain.access.admission import Account, AdmissionRule, plain_address
from service.domain.access.roles import Role
from service.domain.errors import LinkEndedError
from service.store.access import sessions as store
from service.store.access.audit import audit_actors, insert_audit
from service.store.access.sessions import SessionInfo
from service.store.database import reading
from service.store.types import new_id
from service.tokens import AdminLinkTokens
from service.usecases.access.keys import Keys

SESSION_LIFE = timedelta(hours=8)
SESSION_IDLE = timedelta(hours=1)
LINK_LIFE = timedelta(minutes=15)
TOUCH_EVERY = timedelta(minutes=1)
REFUSED = "session.refused"
REFUSALS_AN_HOUR = 50
"""Sign-ins through the identity provider whose refusal is kept in the audit log."""
TOKEN_BYTES = 32
LINK_ACTOR = "one-time link"
"""Who acts, for the audit log, in a session that neither key nor person opened."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class AdminSessions:
    """Opens, knows and ends sessions. A session is known by a secret that only its browser has."""

    def __init__(
        self, engine: Engine, *, keys: Keys, tokens: AdminLinkTokens, admission: str | None = None
    ) -> None:
        """`admission` names the settings that let people in; sessions under others are over."""
        self._engine = engine
        self._keys = keys
        self._tokens = tokens
        self._admission = admission

    def open_with_key(self, key: str) -> str | None:
        """Return the secret of a new session, or None for a key that is not a live `admin` one."""
        info = self._keys.authenticate(key)
        if info is None or info.role is not Role.ADMIN:
            return None
        with self._engine.begin() as connection:
            return self._open(connection, key_id=info.id, actor=actor_of(info.name))

    def open_for(self, account: Account) -> str:
        """Return the secret of a new session of someone who may come in."""
        with self._engine.begin() as connection:
            return self._open(
                connection,
                actor=actor_of(None, account.name),
                person=account.name,
                detail={"subject": account.subject},
            )

    def refuse(self, account: Account, *, reason: str) -> None:
        """Keep in the audit log that someone was not let in, and why, in a word.

        Once an hour for an account, and no more than `REFUSALS_AN_HOUR` in all: anyone with an
        account at the provider can be refused without end.
        """
        now, actor = utc_now(), actor_of(None, account.name)
        with self._engine.begin() as connection:
            known = audit_actors(
                connection, action=REFUSED, since=now - timedelta(hours=1), limit=REFUSALS_AN_HOUR
            )
            if len(known) < REFUSALS_AN_HOUR and actor not in known:
                insert_audit(
                    connection,
                    at=now,
                    actor=actor,
                    action=REFUSED,
                    detail={"subject": account.subject, "reason": reason},
                )

    def make_link(self, *, actor: str) -> str:
        """Return the token of a link that signs one browser in, once, within `LINK_LIFE`."""
        link_id, now = new_id(), utc_now()
        with self._engine.begin() as connection:
            store.insert_link(connection, link_id, at=now)
            insert_audit(connection, at=now, actor=actor, action="sign_in_link.created")
        return self._tokens.issue(link_id)

    def check_link(self, token: str) -> None:
        """Raise `LinkForgedError`, or `LinkEndedError` for a link that is used or too old."""
        link_id = self._tokens.read(token)
        with reading(self._engine) as connection:
            if not store.has_link(connection, link_id, since=utc_now() - LINK_LIFE):
                raise LinkEndedError

    def open_with_link(self, token: str) -> str:
        """Use the link up and return the secret of a new session; raises as `check_link` does."""
        link_id = self._tokens.read(token)
        with self._engine.begin() as connection:
            if not store.take_link(connection, link_id, since=utc_now() - LINK_LIFE):
                raise LinkEndedError
            return self._open(connection, actor=LINK_ACTOR)

    def find(self, secret: str) -> SessionInfo | None:
        """Return the live session that this secret opens, or None; the time of use is noted."""
        if not _TOKEN.fullmatch(secret):
            return None
        now = utc_now()
        with reading(self._engine) as connection:
            info = store.live_session(
                connection,
                _hash(secret),
                at=now,
                opened_since=now - SESSION_LIFE,
                used_since=now - SESSION_IDLE,
                admission=self._admission,
            )
        if info is not None and now - info.last_used_at >= TOUCH_EVERY:
            # A busy database must not sign anyone out: the time of last use can wait.
            with suppress(OperationalError), self._engine.begin() as connection:
                store.touch_session(connection, _hash(secret), at=now)
        return info

    def end(self, secret: str) -> None:
        """End the session, if there is one."""
        with self._engine.begin() as connection:
            store.delete_session(connection, _hash(secret))

    def end_links(self, *, actor: str) -> tuple[int, int]:
        """End every session that a one-time link opened, and every unused link.

        Returns how many of each there were.
        """
        return self._end_many(store.delete_of_links, actor=actor, action="sign_in_links.revoked")

    def end_all(self, *, actor: str) -> tuple[int, int]:
        """End every session, whatever opened it (link, key, OpenID Connect), and unused links.

        Returns how many of each there were. Everyone may sign in again.
        """
        return self._end_many(store.delete_all, actor=actor, action="sessions.ended")

    def _end_many(
        self, delete: Callable[[Connection], tuple[int, int]], *, actor: str, action: str
    ) -> tuple[int, int]:
        with self._engine.begin() as connection:
            sessions, links = delete(connection)
            insert_audit(
                connection,
                at=utc_now(),
                actor=actor,
                action=action,
                detail={"sessions": sessions, "links": links},
            )
        return sessions, links

    def _open(
        self,
        connection: Connection,
        *,
        actor: str,
        key_id: UUID | None = None,
        person: str | None = None,
        detail: Mapping[str, str] | None = None,
    ) -> str:
        secret, now = secrets.token_urlsafe(TOKEN_BYTES), utc_now()
        store.insert_session(
            connection,
            token_hash=_hash(secret),
            at=now,
            api_key_id=key_id,
            person=person,
            admission=self._admission if person is not None else None,
        )
        insert_audit(connection, at=now, actor=actor, action="session.opened", detail=detail)
        return secret


def forget_ended_sessions(engine: Engine) -> int:
    """Remove sessions and one-time links that are over. Returns 0: nothing is left to remove."""
    now = utc_now()
    with engine.begin() as connection:
        store.delete_stale(
            connection,
            links_before=now - LINK_LIFE,
            opened_before=now - SESSION_LIFE,
            used_before=now - SESSION_IDLE,
        )
    return 0


def actor_of(key_name: str | None, person: str | None = None) -> str:
    """Return the name under which the audit log keeps what a session of this key or person does."""
    if person is not None:
        return f"oidc:{person}"
    return LINK_ACTOR if key_name is None else f"key:{key_name}"


def _hash(secret: str) -> str:
    """Return the hash under which a session is kept. 256 random bits need no salt."""
    return sha256(secret.encode()).hexdigest()


def admission_rule(oidc: OidcSettings) -> AdmissionRule:
    """Return whom the settings let in, of those that the identity provider names."""
    return AdmissionRule(
        admins=frozenset(plain_address(address) for address in oidc.admins),
        group=oidc.admin_group,
        group_claim=oidc.group_claim,
    )
