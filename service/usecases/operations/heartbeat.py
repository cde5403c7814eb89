"""The worker's sign of life: one row, touched now and then, that says what it runs with."""

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version

import structlog
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from service.clock import utc_now
from service.store.operations.workers import WorkerInfo, beat
from service.store.types import new_id
from service.usecases.delivery.providers import ProviderPool

BEAT_EVERY_SECONDS = 10.0
LOCAL = frozenset({"mailbox", "mailpit"})
"""Providers that hand emails to nobody."""

_log = structlog.get_logger(__name__)


class Heartbeat:
    """Says that this worker is there. Any number of workers may."""

    def __init__(self, engine: Engine, *, pool: ProviderPool, public_url: str) -> None:
        """Take what the worker runs with; nothing is written yet."""
        self._engine = engine
        now = utc_now()
        self._info = WorkerInfo(
            id=new_id(),
            host=socket.gethostname(),
            pid=os.getpid(),
            version=version("newsflash"),
            public_url=public_url,
            providers=[
                (guarded.name, guarded.provider.pace.calls_a_second, guarded.provider.batch_size)
                for guarded in pool
            ],
            started_at=now,
            seen_at=now,
        )
        self._retention_at: datetime | None = None

    def log_start(self) -> None:
        """Log what this worker runs with, to be compared with what the web service has."""
        names = [name for name, _, _ in self._info.providers]
        _log.info(
            "worker started",
            version=self._info.version,
            database=shown_database(self._engine.url),
            public_url=self._info.public_url,
            providers=names,
        )
        if set(names) <= LOCAL:
            _log.warning("emails stay here", providers=names, advice="set NEWSFLASH_MAIL_URL")

    def run(self) -> int:
        """Touch the row. Returns 0: there is never more to do."""
        self._write(replace(self._info, seen_at=utc_now(), retention_at=self._retention_at))
        return 0

    def end(self) -> None:
        """Say that this worker stops."""
        now = utc_now()
        self._write(
            replace(self._info, seen_at=now, stopped_at=now, retention_at=self._retention_at)
        )

    def noting_retention(self, run: Callable[[], int]) -> Callable[[], int]:
        """Return `run`, of which is noted when it last came to its end."""

        def noted() -> int:
            removed = run()
            self._retention_at = utc_now()
            return removed

        return noted

    def _write(self, info: WorkerInfo) -> None:
        with self._engine.begin() as connection:
            beat(connection, info)


def shown_database(url: URL) -> str:
    """Return which database a URL names, without user and password."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    return f"{url.host or 'local socket'}:{url.port or 5432}/{url.database or ''}"
