"""Rows that are kept for a time only: found along the index of their time, removed by their key."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, inspect, literal, select


@dataclass(frozen=True, slots=True)
class OldRows:
    """A table whose rows go some time after `at`, its column with an index that begins with it."""

    table: Any
    at: Any
    condition: Any = None
    """Which rows, where not all; that index has no others."""

    def find(
        self, connection: Connection, before: datetime, *, limit: int
    ) -> Sequence[Row[tuple[Any, ...]]]:
        """Return the keys of rows from before that time, oldest first."""
        query = select(*self._key).where(self._is_old(before))
        return connection.execute(query.order_by(self.at).limit(limit)).all()

    def delete(
        self, connection: Connection, before: datetime, keys: Sequence[Row[tuple[Any, ...]]]
    ) -> int:
        """Remove those of the rows that are still old; return how many."""
        # The time is compared here: in SQL it would lead along its index, over all that is old.
        is_one = literal(True) if self.condition is None else self.condition
        removed = 0
        for wanted in self._named(keys):
            query = select(*self._key, self.at.label("place"), is_one.label("is_one")).where(wanted)
            found = connection.execute(query.with_for_update(skip_locked=True)).all()
            old = [row for row in found if row.is_one and row.place < before]
            for named in self._named(old):
                removed += connection.execute(delete(self.table).where(named)).rowcount
        return removed

    def _named(self, rows: Sequence[Sequence[Any]]) -> Iterator[ColumnElement[bool]]:
        """Go through conditions that together name the rows by their key, which they begin with.

        SQLite looks up no pairs in an index, so there is one for each first part of a key of two.
        """
        *first, last = self._key
        parts: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
        for row in rows:
            parts[tuple(row[: len(first)])].append(row[len(first)])
        for values, lasts in parts.items():
            same = [column == value for column, value in zip(first, values, strict=True)]
            yield and_(*same, last.in_(lasts))

    def _is_old(self, before: datetime) -> Any:
        is_before = self.at < before
        return is_before if self.condition is None else self.condition & is_before

    @property
    def _key(self) -> Sequence[Any]:
        key: Sequence[Any] = inspect(self.table).primary_key
        return key
