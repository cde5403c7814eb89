"""Files that commands write: they hold personal data, so nobody but their owner may read them."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PRIVATE = 0o600


@contextmanager
def private_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes its name, with mode 0600, only once it is whole.

    What was there before stays where writing fails. What is no regular file (a pipe, a terminal) is
    written to as it is. Raises `OSError`.
    """
    if _is_special(path):
        with path.open("wb") as special:
            yield special
        return
    target = path.resolve()
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def open_private(path: Path) -> IO[str]:
    """Open a text file, mode 0600, for writing at once: what is in it stays if the rest fails."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, PRIVATE)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _is_special(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(mode)
