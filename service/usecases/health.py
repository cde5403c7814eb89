"""Whether the service can do its work: database, migrations, mail that waits."""

from dataclasses import dataclass

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.clock import utc_now
from service.store import outbox
from service.store.database import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What `/readyz` tells."""

    database: bool
    migrations: bool
    oldest_due_seconds: float
    """How long the longest waiting mail has been owed; 0 with none."""

    @property
    def is_ready(self) -> bool:
        """Tell whether requests may be sent here. Late mail alone is no reason against it."""
        return self.database and self.migrations


class Health:
    """Looks at what the service stands on."""

    def __init__(self, engine: Engine, *, expected_revision: str | None) -> None:
        """`expected_revision` is the newest migration of this version."""
        self._engine = engine
        self._expected = expected_revision

    def __call__(self) -> Readiness:
        """Return the state; a database that does not answer is told, not raised."""
        try:
            with reading(self._engine) as connection:
                revision = MigrationContext.configure(connection).get_current_revision()
                if revision != self._expected:
                    return Readiness(database=True, migrations=False, oldest_due_seconds=0)
                oldest = outbox.oldest_due_at(connection)
        except SQLAlchemyError:
            return Readiness(database=False, migrations=False, oldest_due_seconds=0)
        seconds = 0.0 if oldest is None else max(0.0, (utc_now() - oldest).total_seconds())
        return Readiness(database=True, migrations=True, oldest_due_seconds=round(seconds, 3))
