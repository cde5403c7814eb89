"""How raw SQL is written: in one way, everywhere.

Queries are SQLAlchemy expressions. A statement is text where it says more that way: one statement
for many rows (`INSERT … SELECT … ON CONFLICT`), or a plan that must not hang on statistics.

- It is a constant with a name, made by `sql`: `_CONFIRM = sql("UPDATE … WHERE {key}", key=_KEY)`.
- `{name}` is a constant part: text, a number of ours, or another `Sql`. Parts are given by name.
- Where the databases differ, a part is an `Sql(postgresql=…, sqlite=…)`.
- `:name` is a value. Values are always bound, never written into the text.
- `{rows}` stands for many rows: the part that `bulk.rows_of` makes, with the value `:rows`.
- `run` runs it; `for_driver` gives it to a connection that SQLAlchemy does not know.

What gathers rows into one value (`jsonb_agg`, `group_concat`) says in which order. Commands that
take no values (`SET LOCAL`, `LOCK TABLE`, `PRAGMA`) and questions about PostgreSQL itself go
straight to the driver (`exec_driver_sql`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, CursorResult, Dialect, TextClause, text

from service.store.types import utc_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Sql:
    """A statement, or a part of one, as each database takes it."""

    postgresql: str
    sqlite: str

    def on(self, dialect: str) -> str:
        """Return the text for this database."""
        return self.postgresql if dialect == "postgresql" else self.sqlite


Part = Sql | str | int


def sql(words: Sql | str, **parts: Part) -> Sql:
    """Return the statement with each `{name}` replaced by that part.

    Raises `KeyError` for a name that is not given. A brace that is meant is written twice.
    """

    def filled(dialect: str) -> str:
        given = {name: _text_on(dialect, part) for name, part in parts.items()}
        return _text_on(dialect, words).format(**given)

    return Sql(postgresql=filled("postgresql"), sqlite=filled("sqlite"))


def joined(separator: str, parts: Iterable[Part]) -> Sql:
    """Return the parts one after another, the separator between them."""
    given = list(parts)
    return Sql(
        postgresql=separator.join(_text_on("postgresql", part) for part in given),
        sqlite=separator.join(_text_on("sqlite", part) for part in given),
    )


def run(connection: Connection, statement: Sql, **values: Any) -> CursorResult[Any]:
    """Run the statement with these values. Ids and times may be given as they are.

    Of what it returns SQLite gives ids and times as text.
    """
    dialect = connection.dialect.name
    return connection.execute(_clause(statement.on(dialect)), _taken(dialect, values))


def for_driver(
    dialect: Dialect, statement: Sql, values: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]]:
    """Return the statement and its values as a connection of the driver's own takes them."""
    words = statement.on(dialect.name)
    if dialect.name == "postgresql":
        words = _compiled(words, dialect)
    return words, _taken(dialect.name, values)


@cache
def _compiled(words: str, dialect: Dialect) -> str:
    return str(_clause(words).compile(dialect=dialect))


@cache
def _clause(words: str) -> TextClause:
    return text(words)


def _text_on(dialect: str, part: Part) -> str:
    return part.on(dialect) if isinstance(part, Sql) else str(part)


def _taken(dialect: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    if dialect == "postgresql":
        return values
    return {name: _as_text(value) for name, value in values.items()}


def _as_text(value: Any) -> Any:
    if isinstance(value, datetime):
        return utc_text(value)
    return str(value) if isinstance(value, UUID) else value
