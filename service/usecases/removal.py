"""Removing many rows: found by reading, removed in short transactions, with a pause after each.

SQLite has one writer at a time. A signup in the meantime waits for one short transaction, never
for the whole removal.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine

from service.store.bulk import in_pieces
from service.store.database import reading
from service.store.old_rows import OldRows
from service.store.plans import read_by_index
from service.store.turns import one_turn

T = TypeVar("T")

PIECE = 200
"""Rows that go in one transaction."""
AT_ONCE = 10_000
"""Rows that go in one run."""


def remove_in_pieces(
    engine: Engine,
    find: Callable[[Connection], Sequence[T]],
    remove: Callable[[Connection, Sequence[T]], int],
    *,
    piece: int = PIECE,
) -> int:
    """Remove what `find` found, `piece` rows in a transaction; return how many `remove` removed.

    `find` runs in a transaction that only reads, so `remove` has to look again where it matters.
    """
    with reading(engine) as connection:
        read_by_index(connection)
        found = find(connection)
    count = 0
    for some in in_pieces(found, piece):
        with one_turn(engine, may_wait=True) as connection:
            read_by_index(connection)
            count += remove(connection, some)
    return count


def remove_old(engine: Engine, rows: OldRows, *, before: datetime) -> int:
    """Remove a bounded part of the rows from before that time; return how many."""
    return remove_in_pieces(
        engine,
        lambda connection: rows.find(connection, before, limit=AT_ONCE),
        lambda connection, keys: rows.delete(connection, before, keys),
    )
