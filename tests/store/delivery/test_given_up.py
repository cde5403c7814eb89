"""What was given up is `failed` since a migration; an older version called it `dead`."""

from uuid import uuid4

from sqlalchemy import Engine, insert, inspect, select, update

from service.store.operations.migrations import difference
from service.store.tables.delivery import OutboxMessage
from service.store.tables.webhooks import Webhook, WebhookDelivery
from tests.migrating import downgrade, upgrade
from tests.scenario import ADA, NOON, Scenario

STATES = (select(OutboxMessage.status), select(WebhookDelivery.status))
INDEX = "ix_outbox_messages_"


def states(engine: Engine) -> list[set[str]]:
    with engine.connect() as connection:
        return [set(connection.scalars(query)) for query in STATES]


def indexes(engine: Engine) -> set[str | None]:
    return {each["name"] for each in inspect(engine).get_indexes("outbox_messages")}


def test_the_state_is_renamed_up_and_down(engine: Engine, scenario: Scenario) -> None:
    for email in (ADA, "bob@example.org"):
        scenario.sign_up(email)
    webhook = uuid4()
    with engine.begin() as connection:
        connection.execute(
            insert(Webhook).values(
                id=webhook,
                url="https://site.example/hook",
                secret="s",
                events=["subscription.confirmed"],
                is_enabled=True,
                created_at=NOON,
            )
        )
        connection.execute(
            insert(WebhookDelivery),
            [
                {
                    "webhook_id": webhook,
                    "event_id": uuid4(),
                    "type": "subscription.confirmed",
                    "subscriber_id": uuid4(),
                    "created_at": NOON,
                    "next_attempt_at": NOON,
                    "status": status,
                }
                for status in ("failed", "delivered")
            ],
        )
        connection.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == scenario.messages(ADA)[0].id)
            .values(status="failed")
        )
    downgrade(engine, "0022")
    assert states(engine) == [{"dead", "queued"}, {"dead", "delivered"}]
    assert f"{INDEX}dead" in indexes(engine)
    upgrade(engine)
    assert states(engine) == [{"failed", "queued"}, {"failed", "delivered"}]
    assert f"{INDEX}failed" in indexes(engine)
    assert f"{INDEX}dead" not in indexes(engine)
    assert difference(engine) is None
