"""Which index an operator's look at the queue goes along."""

import pytest
from sqlalchemy import Engine, event

from service.domain.delivery.retry import MessageStatus
from service.store.database import reading
from service.store.delivery import outbox_admin
from tests.scenario import Scenario

INDEXES = {
    MessageStatus.QUEUED: "ix_outbox_messages_due",
    MessageStatus.SENDING: "ix_outbox_messages_batch_id",
    MessageStatus.FAILED: "ix_outbox_messages_failed",
}


@pytest.mark.parametrize("status", outbox_admin.DEPTHS)
def test_on_sqlite_a_page_of_a_state_goes_along_its_own_index(
    scenario: Scenario, engine: Engine, status: MessageStatus
):
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL chooses by its statistics")
    scenario.sign_up()
    steps: list[str] = []

    def explain(_conn: object, cursor: object, statement: str, given: object, *_: object) -> None:
        if statement.startswith("SELECT"):
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)  # type: ignore[attr-defined]
            steps.extend(str(row[-1]) for row in rows)

    event.listen(engine, "before_cursor_execute", explain)
    with reading(engine) as connection:
        outbox_admin.page(connection, status=status, limit=10, before=None)
    event.remove(engine, "before_cursor_execute", explain)
    assert f"INDEX {INDEXES[status]}" in steps[0]
