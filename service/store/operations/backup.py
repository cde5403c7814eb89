"""A copy of the SQLite file, made while others read and write it (SQLite's online backup)."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine

PAGES_A_STEP = 1000
PAUSE_SECONDS = 0.01
"""Between steps, so that writers get their turn."""


def backup_sqlite(engine: Engine, target: Path, *, progress: Callable[[int, int], None]) -> None:
    """Write a whole copy to `target`, which takes its name only once it is complete and checked.

    `progress` is called with how many pages of how many are written. The file holds addresses: its
    mode is 0600. Raises `OSError`, and `sqlite3.Error` where the copy is not sound.
    """
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            engine.connect() as connection,
            closing(sqlite3.connect(unfinished)) as copy,
        ):
            source = connection.connection.driver_connection
            if not isinstance(source, sqlite3.Connection):
                raise TypeError("not a SQLite database")
            source.backup(
                copy,
                pages=PAGES_A_STEP,
                sleep=PAUSE_SECONDS,
                progress=lambda _status, left, total: progress(total - left, total),
            )
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without companions
            (found,) = copy.execute("PRAGMA quick_check").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError("the copy is damaged")
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
