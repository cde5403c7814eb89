"""Which tables the queries of an export read whole."""

from datetime import timedelta
from typing import Any

import time_machine
from sqlalchemy import Engine

from service.domain.files.exchange import DELTA_COLUMNS, EXPORT_COLUMNS
from service.store.database import reading
from service.store.files.export_query import Selection, queries
from service.store.sql import run
from tests.plans import age_statistics, whole_reads
from tests.scenario import NOON, Scenario

LATER = NOON + timedelta(days=2)


def rows_of(engine: Engine, selection: Selection) -> list[Any]:
    with reading(engine) as connection:
        return [
            row
            for query, values in queries(selection)
            for row in run(connection, query, **values).all()
        ]


def test_an_export_of_changes_reads_what_changed(scenario: Scenario, engine: Engine):
    with time_machine.travel(NOON, tick=False):
        age_statistics(scenario)
    with time_machine.travel(LATER, tick=False):
        scenario.sign_up()
        scenario.sign_up("gone@example.org")
        scenario.services.subscribers.erase(scenario.person("gone@example.org").id, actor="test")
    selection = Selection(columns=EXPORT_COLUMNS + DELTA_COLUMNS, since=LATER)
    with whole_reads(engine) as found:
        rows = rows_of(engine, selection)
    assert found == []
    assert [row.email for row in rows] == ["ada@example.org", None]


def test_an_export_of_a_list_reads_nobody_else(scenario: Scenario, engine: Engine):
    scenario.make_lists("second")
    age_statistics(scenario)
    scenario.sign_up("ada@example.org", "second")
    with whole_reads(engine) as found:
        rows = rows_of(engine, Selection(list_id=scenario.list_id("second")))
    assert found == []
    assert [row.email for row in rows] == ["ada@example.org"]
