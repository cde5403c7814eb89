"""`Idempotency-Key`: a request that comes twice is worked on once.

draft-ietf-httpapi-idempotency-key-header-07, section 2: the same key and body give the same answer
again; another body is refused, and so is a second request while the first is under way.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.errors import IdempotencyReusedError, InFlightError
from service.store.delivery.outbox import find
from service.store.signup import idempotency as store
from service.store.signup.held import is_held
from service.store.signup.idempotency import IDEMPOTENCY_KEYS
from service.store.types import new_id
from service.usecases.removal import remove_old

KEEP = timedelta(hours=24)
GIVEN_UP_AFTER = timedelta(seconds=60)
"""A request that was begun and is not done after this time has died with its process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A key, and whose it is: `owner` is an API key or a client."""

    owner: str
    key: str
    body: Any
    """What was asked for, as JSON gives it."""

    def hashes(self) -> tuple[str, str]:
        """Return the hash of owner and key, and that of the body."""
        name = f"{self.owner}\0{self.key}"
        body = json.dumps(self.body, sort_keys=True, separators=(",", ":"))
        return sha256(name.encode()).hexdigest(), sha256(body.encode()).hexdigest()


class Idempotency:
    """Sees to it that requests under one key leave one signup."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine."""
        self._engine = engine

    def __call__(self, once: IdempotencyKey, work: Callable[[UUID], object]) -> UUID:
        """Do `work` for a message id of its own, unless that was done before; return the id.

        Raises `IdempotencyReusedError`, `InFlightError`, and whatever `work` raises: the key is
        free again then.
        """
        key_hash, body_hash = once.hashes()
        message_id, is_to_do = self._begin(key_hash, body_hash)
        if is_to_do:
            try:
                work(message_id)
            except Exception:
                with self._engine.begin() as connection:
                    store.delete_key(connection, key_hash)
                raise
        if is_to_do is not None:
            with self._engine.begin() as connection:
                store.mark_done(connection, key_hash)
        return message_id

    def _begin(self, key_hash: str, body_hash: str) -> tuple[UUID, bool | None]:
        """Return the message's id, and whether the work is to be done; None where all is done."""
        now, message_id = utc_now(), new_id()
        with self._engine.begin() as connection:
            known = store.find_key(connection, key_hash)
            if known is not None and now - known.created_at > KEEP:
                store.delete_key(connection, key_hash)
            if store.insert_key(
                connection, key_hash=key_hash, body_hash=body_hash, message_id=message_id, at=now
            ):
                return message_id, True
            known = store.find_key(connection, key_hash)
            if known is None:  # the other request failed this very moment
                raise InFlightError
            if known.body_hash != body_hash:
                raise IdempotencyReusedError
            if known.is_done:
                return known.message_id, None
            if now - known.began_at < GIVEN_UP_AFTER or not store.begin_again(
                connection, key_hash, began_at=known.began_at, at=now
            ):
                raise InFlightError
            # The process may have died just after its commit: then the signup is there.
            is_there = find(connection, known.message_id) or is_held(connection, known.message_id)
            return known.message_id, not is_there

    def purge(self) -> int:
        """Forget the requests of more than a day ago; return how many."""
        return remove_old(self._engine, IDEMPOTENCY_KEYS, before=utc_now() - KEEP)
