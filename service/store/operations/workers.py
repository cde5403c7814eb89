"""Workers as they were last seen: each touches one row of its own now and then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select, update

from service.store.tables.operations import WorkerProcess

ALIVE_FOR = timedelta(seconds=60)
"""How long after it was seen last a worker counts as running."""
KEPT_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """A worker and what it runs with."""

    id: UUID
    host: str
    pid: int
    version: str
    public_url: str
    providers: Sequence[tuple[str, float | None, int]]
    """In the order of its `MAIL_URL`: name, calls a second at most (None: as many as it takes),
    emails in a call at most.
    """
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None = None
    retention_at: datetime | None = None
    """When it last applied retention."""

    def is_alive(self, now: datetime) -> bool:
        """Return whether it runs, as far as the database shows."""
        return self.stopped_at is None and now - self.seen_at < ALIVE_FOR


def beat(connection: Connection, worker: WorkerInfo) -> None:
    """Write that a worker is there; forget those that have been gone for long."""
    row = {name: getattr(worker, name) for name in WorkerInfo.__dataclass_fields__}
    row["providers"] = [list(each) for each in worker.providers]
    own = update(WorkerProcess).where(WorkerProcess.id == worker.id).values(row)
    if not connection.execute(own).rowcount:
        connection.execute(
            delete(WorkerProcess).where(WorkerProcess.seen_at < worker.seen_at - KEPT_FOR)
        )
        connection.execute(insert(WorkerProcess).values(row))


def all_workers(connection: Connection) -> Sequence[WorkerInfo]:
    """Return every worker of the last days, the one seen last first."""
    query = select(WorkerProcess.__table__).order_by(WorkerProcess.seen_at.desc())
    return [
        WorkerInfo(**{**row, "providers": [tuple(each) for each in row["providers"]]})
        for row in connection.execute(query).mappings()
    ]
