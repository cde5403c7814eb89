"""API keys: made once, shown once, known by their hash."""

import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, OperationalError

from service.clock import utc_now
from service.domain.access.key import KeyInfo
from service.domain.access.roles import Role
from service.domain.errors import ConflictError, InvalidInputError, NotFoundError
from service.store.access import keys as store
from service.store.access.audit import insert_audit
from service.store.database import reading
from service.usecases.lists.lists import Lists

PREFIX = "nf_"
KEY_BYTES = 32
CACHE_SECONDS = 3.0
"""How long a process may go on taking a key that another one has revoked."""

TOUCH_EVERY = timedelta(minutes=1)
_NAME = re.compile(r"[\w.][\w. -]{0,63}")
_KEY = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


class Keys:
    """Makes, knows and revokes keys. One for a process; safe to use from several threads."""

    def __init__(self, engine: Engine, *, lists: Lists) -> None:
        """Take the engine, and the lists that keys may be for."""
        self._engine = engine
        self._lists = lists
        self._known: dict[str, tuple[float, KeyInfo]] = {}

    def create(
        self,
        name: str,
        role: str,
        *,
        actor: str,
        lists: Sequence[str] = (),
        expires_at: datetime | None = None,
    ) -> str:
        """Make a key and return it: `nf_` and 43 characters. It cannot be shown again.

        `lists` are the slugs of those that it is for, all where there are none; a key for some can
        be no administrator's. Raises `InvalidInputError`, `UnknownListError`, or `ConflictError`
        where the name was ever given before.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInputError("name", "Use up to 64 letters, digits, dots and hyphens.")
        if role not in set(Role):
            raise InvalidInputError("role", f"Use one of {', '.join(Role)}.")
        if lists and role == Role.ADMIN:
            raise InvalidInputError("lists", "Admin keys are for all lists. Remove the lists.")
        if lists and role == Role.METRICS:
            raise InvalidInputError("lists", "Metrics keys are for no list. Remove the lists.")
        if expires_at is not None and expires_at <= utc_now():
            raise InvalidInputError("expires_at", "Use a time in the future.")
        ids = [self._lists.get(slug).id for slug in dict.fromkeys(lists)]
        key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
        now = utc_now()
        try:
            with self._engine.begin() as connection:
                store.insert_key(
                    connection,
                    name=name,
                    role=Role(role),
                    key_hash=_hash(key),
                    at=now,
                    list_ids=ids or None,
                    expires_at=expires_at,
                )
                insert_audit(
                    connection,
                    at=now,
                    actor=actor,
                    action="key.created",
                    target=name,
                    detail={
                        "role": role,
                        "lists": list(lists) or None,
                        "expires_at": expires_at.isoformat() if expires_at else None,
                    },
                )
        except IntegrityError:
            raise ConflictError(
                "A key with this name exists already. Choose another name."
            ) from None
        return key

    def authenticate(self, key: str) -> KeyInfo | None:
        """Return whose key this is, or None for one that is unknown, revoked or expired.

        The lookup is by the hash of the whole key, so its time tells nothing of a stored one. A
        key in use costs a query every few seconds, and no more than one write a minute.
        """
        if not _KEY.fullmatch(key):
            return None
        key_hash = _hash(key)
        expires, info = self._known.get(key_hash, (0.0, None))
        if info is None or time.monotonic() >= expires:
            with reading(self._engine) as connection:
                info = store.live_key(connection, key_hash)
            if info is None:
                self._known.pop(key_hash, None)
                return None
            info = self._touch(info)
            self._known[key_hash] = (time.monotonic() + CACHE_SECONDS, info)
        return None if info.has_ended(utc_now()) else info

    def all(self) -> Sequence[KeyInfo]:
        """Return every key, revoked ones too, oldest first."""
        with reading(self._engine) as connection:
            return store.all_keys(connection)

    def slugs_of(self, info: KeyInfo) -> Sequence[str] | None:
        """Return the lists that the key is for, or None for all."""
        if info.list_ids is None:
            return None
        return sorted(each.slug for each in self._lists.by_ids(info.list_ids))

    def revoke(self, name: str, *, actor: str) -> None:
        """Take a key back for good; again changes nothing. Raises `NotFoundError`."""
        now = utc_now()
        with self._engine.begin() as connection:
            if not store.revoke_key(connection, name=name, at=now):
                raise NotFoundError(name)
            insert_audit(connection, at=now, actor=actor, action="key.revoked", target=name)
        self._known.clear()

    def _touch(self, info: KeyInfo) -> KeyInfo:
        now = utc_now()
        if info.last_used_at is not None and now - info.last_used_at < TOUCH_EVERY:
            return info
        # A busy database must not turn a good key away: the time of last use can wait.
        with suppress(OperationalError), self._engine.begin() as connection:
            store.touch_key(connection, info.id, at=now, every=TOUCH_EVERY)
        return replace(info, last_used_at=now)


def _hash(key: str) -> str:
    """Return the hash under which a key is kept. Its 256 random bits need no salt or stretching."""
    return sha256(key.encode()).hexdigest()
