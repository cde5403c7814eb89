"""The file of the embedded database: private to its owner, and looked at without a trace."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

COMPANIONS = ("", "-wal", "-shm")
"""What SQLite adds to the name for the files beside it; they get its mode."""

KEYED_TABLES = (
    "subscribers",
    "suppressions",
    "consent_events",
    "ledger_entries",
    "key_fingerprints",
)
"""Where anything is, keys are needed that fit."""
WAIT_SECONDS = 5


def make_private(path: Path) -> None:
    """Create the file and its folder where they are missing; take the rights of others away.

    Raises `OSError` where it cannot be created. A file of another owner stays as it is: `newsflash
    doctor` names it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for each in database_files(path):
        mode = stat.S_IMODE(each.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            with suppress(PermissionError):
                each.chmod(stat.S_IRUSR | stat.S_IWUSR)


def look_only(path: Path) -> sqlite3.Connection:
    """Open a database that is there, so that nothing of it or beside it changes.

    A service that has it open keeps its latest commits in `-wal` and `-shm`: these are read, and
    `-shm` is not written to. Without them the file alone is the database. Raises `sqlite3.Error`.
    """
    wal, shm = (path.with_name(path.name + companion) for companion in COMPANIONS[1:])
    how = "readonly_shm=1" if wal.exists() and shm.exists() else "immutable=1"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&{how}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=WAIT_SECONDS,
    )


def is_migrated(path: Path) -> bool:
    """Tell whether the file is a database that any version of this service has set up."""
    return bool(path.exists() and _count(path, "SELECT count(*) FROM alembic_version"))


def is_in_use(path: Path) -> bool:
    """Tell whether there is anything in the database that depends on its keys.

    In doubt it is: where it cannot be read, or holds more than what can be seen without a change.
    """
    if not path.exists():
        return False
    wal, shm = (path.with_name(path.name + companion) for companion in COMPANIONS[1:])
    if wal.exists() and wal.stat().st_size and not shm.exists():
        return True
    return any(_count(path, f"SELECT count(*) FROM {table}") for table in KEYED_TABLES)


def _count(path: Path, query: str) -> int:
    """Return the one number; 0 where the table is not there, 1 where nothing can be read."""
    try:
        with closing(look_only(path)) as connection:
            (count,) = connection.execute(query).fetchone()
            return int(count)
    except sqlite3.OperationalError as error:
        return 0 if str(error).startswith("no such table") else 1
    except sqlite3.DatabaseError:
        return 1


def database_files(path: Path) -> Iterator[Path]:
    """Return the files of the database that are there."""
    for companion in COMPANIONS:
        each = path.with_name(path.name + companion)
        if each.exists():
            yield each
