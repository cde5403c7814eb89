"""Statements of a hot path that run together: one transaction, and on PostgreSQL one round trip.

There they are a function in the session's own schema (`pg_temp`), made once on each connection from
the same text that SQLite runs, and called by a `Look`, which is a transaction of its own. PL/pgSQL
keeps their plans, and each sees what those before it waited for, as at READ COMMITTED (PostgreSQL,
"Function Volatility Categories"). For a signup's statements, in groups of four, this costs the
process less than 0.3 of what SQLAlchemy's transaction costs it, and PostgreSQL 0.65; psycopg's
pipeline costs 0.55 and 0.75.

A session's function does not last behind a pooler, and a role may not be allowed to make one: there
the statements run in a transaction as any others.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection

from service.store.database import is_pooled, named_errors
from service.store.database_clock import keep_in_step
from service.store.look import Look, Value
from service.store.plans import BY_INDEX, read_by_index
from service.store.sql import Sql, run, sql

_VALUE = re.compile(r"(?<![:\w]):(\w+)")
_MADE = "newsflash_functions"
_PLAN_ONCE = ("plan_cache_mode = force_generic_plan", "jit = off")
"""Otherwise the first five calls of each session would each be planned: ten times their work."""
_INSUFFICIENT_PRIVILEGE = "42501"

Rows = Sequence[Sequence[Any]]
"""On either database an id or a number may be text."""


@dataclass(frozen=True, kw_only=True)
class Together:
    """Statements, with the values that they share. The rows of the last one are the result."""

    name: str
    values: Mapping[str, str]
    """The values' names, and their types on PostgreSQL."""
    statements: Sequence[Sql]
    returns: str = ""
    """The last statement's columns with their types, where it gives rows: `"id uuid, at date"`."""
    is_by_index: bool = False
    """Whether rows are looked up by their keys, whatever PostgreSQL's statistics say."""

    def run(self, connection: Connection, **values: Any) -> Rows:
        """Run them as part of this transaction."""
        if self.is_by_index:
            read_by_index(connection)
        for statement in self.statements:
            found = run(connection, statement, **values)
        return found.all() if self.returns else ()

    def commit(self, engine: Engine, **values: Value) -> Rows:
        """Run them as a transaction of their own. Raises what SQLAlchemy makes of driver errors."""
        if engine.dialect.name == "postgresql":
            keep_in_step(engine)
            with named_errors(engine.dialect):
                rows = self._commit_by_call(engine.raw_connection(), values)
            if rows is not None:
                return rows
        with engine.begin() as connection:
            return self.run(connection, **values)

    def _commit_by_call(
        self, pooled: PoolProxiedConnection, values: Mapping[str, Value]
    ) -> Rows | None:
        """Call the function; do nothing and return None where there can be none."""
        try:
            return self._call.ask(pooled, values) if self._is_made(pooled) else None
        except BaseException:
            # Whatever was under way, nobody else gets a connection in such a state.
            if pooled.is_valid:
                pooled.invalidate()
            raise
        finally:
            pooled.close()

    def _is_made(self, pooled: PoolProxiedConnection) -> bool:
        """Make the function if this session has none yet; tell whether there is one."""
        made: dict[str, bool] = pooled.info.setdefault(_MADE, {})
        if self.name not in made:
            made[self.name] = not is_pooled(pooled) and _make(
                pooled.driver_connection, self._function
            )
        return made[self.name]

    @cached_property
    def _call(self) -> Look:
        given = ", ".join(f"CAST(:{name} AS {type_})" for name, type_ in self.values.items())
        return Look(sql(f"SELECT * FROM pg_temp.{self.name}({given})"))

    @cached_property
    def _function(self) -> str:
        words = [_VALUE.sub(r"_\1", each.postgresql).strip() for each in self.statements]
        last = f"RETURN QUERY {words.pop()}" if self.returns else words.pop()
        # Rows that nobody wants are thrown away by this word.
        words = [f"PERFORM{each[6:]}" if each.startswith("SELECT") else each for each in words]
        given = ", ".join(f"_{name} {type_}" for name, type_ in self.values.items())
        returned = f"TABLE ({self.returns})" if self.returns else "void"
        settings = (*_PLAN_ONCE, *(BY_INDEX if self.is_by_index else ()))
        setting = " ".join(f"SET {each}" for each in settings)
        return (
            f"CREATE FUNCTION pg_temp.{self.name}({given}) RETURNS {returned}"
            f" LANGUAGE plpgsql {setting} AS $function$\n#variable_conflict use_column\n"
            f"BEGIN\n{';'.join([*words, last])};\nEND $function$"
        )


def _make(driver: Any, function: str) -> bool:
    driver.autocommit = True
    is_made = True
    try:
        driver.execute(function)
    except Exception as error:
        if getattr(error, "sqlstate", None) != _INSUFFICIENT_PRIVILEGE:
            raise
        is_made = False
    driver.autocommit = False
    return is_made
