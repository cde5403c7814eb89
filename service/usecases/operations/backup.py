"""A backup of the embedded database, taken while it is in use."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from service.domain.errors import ConflictError
from service.store.operations.backup import backup_sqlite


class Backup:
    """Copies the database; the keys beside it are files of their own."""

    def __init__(self, engine: Engine) -> None:
        """Take the database to copy."""
        self._engine = engine

    def __call__(self, target: Path, *, progress: Callable[[int, int], None]) -> None:
        """Write a whole copy to `target`; `progress` gets the pages done and the pages in all.

        Raises `ConflictError` on PostgreSQL, `OSError`, and `sqlite3.Error`.
        """
        if self._engine.dialect.name != "sqlite":
            raise ConflictError("PostgreSQL has its own: pg_dump (docs/backup.md)")
        backup_sqlite(self._engine, target, progress=progress)
