"""What the database would do for the statements that it is given: which tables it reads whole."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event, text

from service.store.signup.signups import record_signups
from tests.scenario import Scenario
from tests.usecases.signup.test_signups import signup

BIG = frozenset(
    {
        "subscribers",
        "subscriptions",
        "consent_events",
        "outbox_messages",
        "provider_events",
        "suppressions",
        "held_signups",
        "idempotency_keys",
        "code_tries",
        "ledger_entries",
        "webhook_deliveries",
        "webhook_attempts",
    }
)
"""Tables that grow with people and requests."""


def grow(scenario: Scenario, count: int, *, name: str) -> None:
    """Sign that many people up."""
    people = [signup(f"{name}{number}@example.org", scenario.list_id()) for number in range(count)]
    with scenario.engine.begin() as connection:
        record_signups(connection, people)


def age_statistics(scenario: Scenario) -> None:
    """Sign people up, and leave PostgreSQL with statistics of a smaller time than this."""
    grow(scenario, 20, name="early")
    if scenario.engine.dialect.name == "postgresql":
        with scenario.engine.begin() as connection:
            connection.execute(text("ANALYZE"))
        grow(scenario, 300, name="late")


TIMES = ("received_at", "created_at", "(at")


@contextmanager
def whole_reads(engine: Engine) -> Iterator[list[tuple[str, str]]]:
    """Collect (table, statement) for each big table that a statement meanwhile would read whole."""
    found: list[tuple[str, str]] = []
    explained = 0

    def explain(_conn: Any, cursor: Any, statement: str, given: Any, *more: Any) -> None:
        nonlocal explained
        if statement.split(None, 1)[0] not in ("SELECT", "UPDATE", "DELETE", "INSERT", "WITH"):
            return
        explained += 1
        first = given[0] if more[-1] else given
        if engine.dialect.name == "postgresql":
            # Of a small table it would read all anyway; asked is whether it must.
            cursor.connection.execute("SET LOCAL enable_seqscan = off")
            [[plan]] = cursor.connection.execute(f"EXPLAIN (FORMAT JSON) {statement}", first)
            tables = _read_by_postgresql(plan[0]["Plan"], is_delete=statement.startswith("DELETE"))
        else:
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", first)
            tables = _read_by_sqlite([row[-1] for row in rows], statement)
        found.extend((table, statement) for table in tables)

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    assert explained, "nothing was asked"


def _read_by_postgresql(plan: dict[str, Any], *, is_delete: bool) -> set[str]:
    """A scan of a partial index is of few rows, whatever it compares."""
    found = set()
    is_scan = "Scan" in plan["Node Type"] and plan.get("Relation Name") in BIG
    index = plan.get("Index Name", "") or json.dumps(plan.get("Plans", ""))
    goes_over = is_delete and any(f"{name} <" in json.dumps(plan) for name in TIMES)
    is_by_key = (not goes_over and "Index Cond" in json.dumps(plan)) or "waiting" in index
    if is_scan and not is_by_key:
        found.add(plan["Relation Name"])
    for part in plan.get("Plans", ()):
        found |= _read_by_postgresql(part, is_delete=is_delete)
    return found


def _read_by_sqlite(steps: list[str], statement: str) -> set[str]:
    found = set()
    for step in steps:
        words = step.split()
        # What goes is looked up by its key. Along the index of its time, or of what waits, each
        # statement would go over all that is old, or all that waits.
        is_delete = statement.startswith("DELETE")
        goes_over = any(f"{name}<?" in step for name in TIMES)
        goes_over |= "message_id IS NULL" in statement and "(message_id=?)" in step
        is_find = "waiting" in step and not is_delete
        if not (words[0] == "SCAN" and not is_find) and not (is_delete and goes_over):
            continue
        found |= {table for table in BIG if f"{table} AS {words[1]}" in statement}
        found |= BIG & {words[1]}
    return found
