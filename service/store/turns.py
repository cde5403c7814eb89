"""Many transactions in a row, with a pause after each in which others write.

SQLite has one writer at a time and no queue: who finds the file taken asks again after 1, 2, 5, and
in the end every 100 ms. A job that takes it again at once keeps the others out for seconds. With
30,000 events to seal, while another process wrote every 30 ms, nine of ten writes took up to 1,902
ms without pauses and up to 118 ms with them; with 40,000 rows to import, 496 and 136 ms.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

LEAST_SECONDS, MOST_SECONDS = 0.02, 0.1
"""Bounds of a pause on SQLite: in the longer one, everybody who waits has asked again."""


@contextmanager
def one_turn(engine: Engine, *, may_wait: bool = False) -> Iterator[Connection]:
    """Begin one of many transactions; commit it, then leave the database to others for as long.

    On PostgreSQL nobody waits for a turn: there only a job that may wait pauses, so that it works
    for half of the time at most.
    """
    with engine.begin() as connection:
        begun = time.monotonic()  # the wait for the lock does not count
        yield connection
    took = time.monotonic() - begun
    if engine.dialect.name == "sqlite":
        time.sleep(min(max(took, LEAST_SECONDS), MOST_SECONDS))
    elif may_wait:
        time.sleep(took)
