"""Whether the service can do its work: database, migrations, writes, email that waits."""

import threading
import time
from dataclasses import dataclass, replace

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.clock import clock_ahead, utc_now
from service.store.database import reading
from service.store.database_clock import shared_now
from service.store.delivery import outbox
from service.store.operations.version import revision_of
from service.store.operations.write_probe import takes_writes
from service.usecases.operations.database_keys import DatabaseKeys

PROBE_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What `/readyz` tells."""

    database: bool
    migrations: bool
    wrong_key: str | None
    """Which setting holds a key that is not this database's, and what to do; None: all fit."""
    oldest_due_seconds: float
    """How long the longest waiting email has been queued; 0 with none."""
    writable: bool
    """Whether the database takes writes, as a signup needs it; seen at most a second ago."""
    clock_ahead_seconds: float = 0.0
    """How far this machine's clock is ahead of the database's; negative: behind."""

    @property
    def is_ready(self) -> bool:
        """Tell whether requests may be sent here. Late mail alone is no reason against it."""
        return self.database and self.migrations and self.wrong_key is None and self.writable


class Health:
    """Looks at what the service stands on."""

    def __init__(
        self, engine: Engine, *, keys: DatabaseKeys, expected_revision: str | None
    ) -> None:
        """`expected_revision` is the newest migration of this version."""
        self._engine = engine
        self._keys = keys
        self._expected = expected_revision
        self._probe = threading.Lock()
        self._is_writable: bool | None = None
        self._probed_at = 0.0

    def __call__(self) -> Readiness:
        """Return the state; a database that does not answer is part of it, not an error."""
        try:
            found = self.look()
        except SQLAlchemyError:
            return _NOTHING
        return replace(found, writable=found.migrations and self._takes_writes())

    def look(self) -> Readiness:
        """Return the state, with `writable` as if it was; nothing is written.

        Raises `SQLAlchemyError` where the database does not answer.
        """
        with reading(self._engine) as connection:
            shared_now(connection)
            revision = revision_of(connection)
            if revision != self._expected:
                return replace(_NOTHING, database=True)
            oldest = outbox.oldest_due_at(connection)
            wrong_key = self._keys.wrong(connection)
        seconds = 0.0 if oldest is None else max(0.0, (utc_now() - oldest).total_seconds())
        return Readiness(
            database=True,
            migrations=True,
            wrong_key=wrong_key,
            oldest_due_seconds=round(seconds, 3),
            writable=True,
            clock_ahead_seconds=round(clock_ahead().total_seconds(), 3),
        )

    def _takes_writes(self) -> bool:
        """Write once a second at most, one at a time: anybody may ask, as often as they like."""
        if not self._probe.acquire(blocking=self._is_writable is None):
            return bool(self._is_writable)
        try:
            now = time.monotonic()
            if self._is_writable is None or now - self._probed_at >= PROBE_EVERY_SECONDS:
                self._is_writable = takes_writes(self._engine, at=utc_now())
                self._probed_at = time.monotonic()
            return self._is_writable
        finally:
            self._probe.release()


_NOTHING = Readiness(
    database=False, migrations=False, wrong_key=None, oldest_due_seconds=0, writable=False
)
