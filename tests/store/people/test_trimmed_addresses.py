"""Addresses that an import kept with white space behind them are repaired by a migration."""

from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import Engine, select, update

from service.store.tables.people import Subscriber, Subscription
from tests.migrating import downgrade, upgrade
from tests.scenario import ADA, Scenario

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
BOB = "Bob@example.org"


def test_addresses_lose_the_white_space_around_them(app: Flask, engine: Engine, scenario: Scenario):
    for email in (ADA, BOB):
        scenario.sign_up(email)
    with engine.begin() as connection:
        connection.execute(update(Subscription).values(updated_at=LONG_AGO))
        connection.execute(
            update(Subscriber).where(Subscriber.email == BOB).values(email=f"{BOB}\r\n\t ")
        )
    downgrade(engine, "0015")
    upgrade(engine)
    assert scenario.rows(select(Subscriber.email, Subscriber.email_key).order_by("email_key")) == [
        (ADA, ADA),
        (BOB, BOB.lower()),
    ]
    assert scenario.subscription(ADA).updated_at == LONG_AGO
    assert scenario.subscription(BOB).updated_at > LONG_AGO
