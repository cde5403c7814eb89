"""Counting what happened on each day, after the fact: no signup waits for it, or writes for it."""

from sqlalchemy import Engine

from service.store.database import reading
from service.store.operations import daily_acts
from service.store.turns import one_turn

COUNT_EVERY_SECONDS = 10.0
BATCH = 2000
"""Events in one transaction: on SQLite others wait to write for as long as it takes."""


def count_acts(engine: Engine) -> int:
    """Count the next events that are sealed; return how many there were."""
    with reading(engine) as connection:
        if not daily_acts.has_uncounted(connection):
            return 0
    with one_turn(engine) as connection:
        return daily_acts.count_sealed(connection, limit=BATCH)
