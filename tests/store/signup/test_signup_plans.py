"""How the database finds what a signup asks for: by the keys, whatever it knows of its tables.

A plan that reads a table as a whole takes longer the more people there are, and not as long for
those who are there as for those who are not.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from service.store.signup.signups import record_signups
from tests.scenario import Scenario
from tests.usecases.signup.test_signups import signup

READS = ("subscribers", "subscriptions", "consent_events", "outbox_messages")
OF_BUDGET = "ix_outbox_messages_budget"


def grow(scenario: Scenario, count: int, *, name: str) -> None:
    people = [signup(f"{name}{number}@example.org", scenario.list_id()) for number in range(count)]
    with scenario.engine.begin() as connection:
        record_signups(connection, people)


def bring_to(scenario: Scenario, state: str) -> None:
    """Bring the database's statistics into a state."""
    if state != "no statistics":
        if state != "empty":
            grow(scenario, 40, name="early")
        with scenario.engine.begin() as connection:
            connection.execute(text("ANALYZE"))
    if state == "of a small time":
        grow(scenario, 2000, name="late")


def explained(connection: Connection) -> list[Any]:
    """Return the plans of a signup's statements, made as they are made for a signup."""
    seen: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, statement: str, given: Any, *_: object) -> None:
        if "INSERT INTO" in statement:
            seen.append((statement, given))

    event.listen(connection, "before_cursor_execute", note)
    record_signups(connection, [])
    event.remove(connection, "before_cursor_execute", note)
    assert len(seen) == 4
    is_postgres = connection.dialect.name == "postgresql"
    how = "EXPLAIN (FORMAT JSON)" if is_postgres else "EXPLAIN QUERY PLAN"
    return [connection.exec_driver_sql(f"{how} {sql}", given).all() for sql, given in seen]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


@pytest.mark.parametrize("state", ["no statistics", "empty", "small", "of a small time"])
def test_a_signup_reads_by_the_keys_alone(scenario: Scenario, engine: Engine, state: str):
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite keeps no statistics")
    bring_to(scenario, state)
    with engine.connect() as connection:
        found = [node for [[[top]]] in explained(connection) for node in nodes(top["Plan"])]
    read = [node for node in found if "Relation Name" in node and "Scan" in node["Node Type"]]
    assert {node["Relation Name"] for node in read} == set(READS)
    assert {node["Node Type"] for node in read} <= {"Index Scan", "Index Only Scan"}
    for node in read:
        key = "email_key" if node["Relation Name"] == "subscribers" else "subscriber_id"
        assert f"({key} = " in node["Index Cond"], node
    assert not [node for node in found if node.get("Subplan Name", "").startswith("hashed")]
    assert not [node for node in found if "Join" in node["Node Type"]]
    indexes = {node["Index Name"] for node in read if node["Relation Name"] == "outbox_messages"}
    # Of withheld ones a day's are counted, of which there are few.
    assert indexes == {OF_BUDGET, "ix_outbox_messages_subscriber_id_created_at"}


def test_on_sqlite_too_the_budget_is_counted_without_reading_what_was_withheld(
    scenario: Scenario, engine: Engine
):
    if engine.dialect.name != "sqlite":
        pytest.skip("asked of PostgreSQL above")
    with engine.connect() as connection:
        steps = [str(row[-1]) for plan in explained(connection) for row in plan]
    assert not [step for step in steps if step.startswith(tuple(f"SCAN {name}" for name in READS))]
    [how] = [step for step in steps if step.startswith("SEARCH told ")]
    assert "INDEX ix_consent_events_subscriber_id_at_id (subscriber_id=? AND at>?" in how
    acts = [step for step in steps if step.startswith("SEARCH act ")]
    assert acts
    assert all("INDEX ix_consent_events_acts (subscriber_id=?" in step for step in acts)
    for name in ("sent", "same"):
        [how] = [step for step in steps if step.startswith(f"SEARCH {name} ")]
        assert f"INDEX {OF_BUDGET} (subscriber_id=? AND created_at>?" in how
