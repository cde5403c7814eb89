"""The file of the embedded database: created for its owner alone, and kept so."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

COMPANIONS = ("", "-wal", "-shm")
"""What SQLite adds to the name for the files beside it; they get its mode."""


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


def database_files(path: Path) -> Iterator[Path]:
    """Return the files of the database that are there."""
    for companion in COMPANIONS:
        each = path.with_name(path.name + companion)
        if each.exists():
            yield each
