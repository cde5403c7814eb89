"""What has been kept long enough goes, and nothing else; what went is counted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, insert, select

from service.config import Settings
from service.domain.address import address_hash
from service.services import Services
from service.store.access.audit import insert_audit
from service.store.lists.lists import insert_list
from service.store.tables.access import AuditEntry
from service.store.tables.delivery import OutboxMessage, RecordedEvent
from service.store.tables.ledger import ConsentEvent
from service.store.tables.lists import MailingList
from service.store.tables.people import Subscriber, Subscription, Suppression
from service.store.types import first_id
from service.usecases.people.retention import Retention, RetentionRules

NOW = datetime.now(UTC)
HASH_KEY = b"an-address-hash-key-for-tests-only-01"


def days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture
def retention(engine: Engine) -> Retention:
    rules = RetentionRules(unconfirmed_days=30, ended_days=100, mail_days=30)
    with engine.begin() as connection:
        insert_list(connection, slug="other", name="Other", at=NOW)
    return Retention(engine, rules=rules, address_hash_key=HASH_KEY)


def add(engine: Engine, name: str, *held: tuple[str, int], epoch: int = 1) -> None:
    """Add a person with subscriptions of this status, as many days old."""
    with engine.begin() as connection:
        lists = list(connection.scalars(select(MailingList.id).order_by(MailingList.slug)))
        number = connection.scalar(select(func.count()).select_from(Subscriber)) or 0
        id_ = first_id(days_ago(200) + timedelta(seconds=number))
        at = days_ago(200)
        connection.execute(
            insert(Subscriber).values(
                id=id_,
                email=f"{name}@x.org",
                email_key=f"{name}@x.org",
                created_at=at,
                updated_at=at,
            )
        )
        for list_id, (status, days) in zip(lists, held, strict=False):
            connection.execute(
                insert(Subscription).values(
                    subscriber_id=id_,
                    mailing_list_id=list_id,
                    status=status,
                    epoch=epoch,
                    requested_at=days_ago(days),
                    ended_at=days_ago(days) if status == "unsubscribed" else None,
                    updated_at=days_ago(days),
                )
            )


def mail(engine: Engine, name: str, days: int, status: str = "accepted") -> None:
    with engine.begin() as connection:
        person = connection.scalar(select(Subscriber.id).where(Subscriber.email == f"{name}@x.org"))
        at = days_ago(days)
        id_ = first_id(at)
        connection.execute(
            insert(OutboxMessage).values(
                id=id_,
                subscriber_id=person,
                kind="confirm",
                refs=[],
                status=status,
                created_at=at,
                next_attempt_at=at,
            )
        )
        connection.execute(
            insert(RecordedEvent).values(
                provider="p",
                event_id=str(id_),
                kind="hard_bounce",
                detail=f"no such user {name}@x.org",
                at=at,
                received_at=at,
                message_id=id_,
            )
        )


def names(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return {email.partition("@")[0] for email in connection.scalars(select(Subscriber.email))}


def test_people_go_when_they_were_kept_long_enough(engine: Engine, retention: Retention):
    add(engine, "old", ("pending", 31))
    add(engine, "new", ("pending", 29))
    add(engine, "twice", ("pending", 31), ("pending", 2))
    add(engine, "member", ("pending", 60), ("confirmed", 60))
    add(engine, "asked", ("pending", 60))
    mail(engine, "asked", 3, "queued")
    add(engine, "left", ("unsubscribed", 101))
    add(engine, "leaver", ("unsubscribed", 60), ("pending", 60))
    add(engine, "again", ("pending", 60), epoch=2)
    removed = retention.run(actor="test")
    assert (removed.unconfirmed, removed.ended) == (1, 1)
    assert names(engine) == {"new", "twice", "member", "asked", "leaver", "again"}
    with engine.connect() as connection:
        kept = connection.execute(select(Suppression.address_hash, Suppression.email_key)).all()
        kinds = list(connection.scalars(select(ConsentEvent.kind)))
    assert [tuple(row) for row in kept] == [(address_hash("left@x.org", HASH_KEY), None)]
    assert kinds == ["erased", "erased"]
    assert retention.run(actor="test").total == 0
    (run,) = retention.show().runs
    assert run.removed == {"unconfirmed": 1, "ended": 1, "mails": 0, "audit_entries": 0}


def test_settled_mails_go_and_what_is_owed_stays(engine: Engine, retention: Retention):
    add(engine, "member", ("confirmed", 60))
    mail(engine, "member", 40)
    mail(engine, "member", 41, "failed")
    mail(engine, "member", 42, "queued")
    mail(engine, "member", 20)
    removed = retention.run(actor="test")
    assert removed.mails == 2
    with engine.connect() as connection:
        left = connection.scalars(select(OutboxMessage.status).order_by(OutboxMessage.id)).all()
    assert left == ["queued", "accepted"]


def test_events_outlive_their_email_without_its_address(engine: Engine, retention: Retention):
    """An event that comes again within 90 days is known, though its email was removed."""
    add(engine, "member", ("confirmed", 60))
    for days in (20, 40, 80):
        mail(engine, "member", days)
    assert retention.run(actor="test").mails == 2
    events = select(RecordedEvent.detail).order_by(RecordedEvent.received_at)
    with engine.connect() as connection:
        assert connection.scalars(events).all() == [None, None, "no such user member@x.org"]


def note(engine: Engine, *days: int) -> None:
    with engine.begin() as connection:
        for each in days:
            insert_audit(connection, at=days_ago(each), actor="key ada", action=f"day.{each}")


def audited(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(AuditEntry.action).order_by(AuditEntry.at)))


def test_audit_entries_go_after_their_days_and_that_is_audited(engine: Engine):
    note(engine, 400, 366, 364, 1)
    rules = RetentionRules(unconfirmed_days=0, ended_days=0, mail_days=0, audit_days=365)
    retention = Retention(engine, rules=rules, address_hash_key=HASH_KEY)
    assert retention.run(actor="test").audit_entries == 2
    assert audited(engine) == ["day.364", "day.1", "retention.run"]
    assert retention.run(actor="test").total == 0


def test_audit_entries_are_kept_unless_a_setting_says_otherwise(settings: Settings, engine: Engine):
    note(engine, 20_000)
    assert Services(settings, engine).retention.run(actor="test").total == 0
    assert audited(engine) == ["day.20000"]
    given = replace(settings, retention_audit_days=90)
    assert Services(given, engine).retention.run(actor="test").audit_entries == 1


def test_nothing_goes_where_a_rule_is_off(engine: Engine, retention: Retention):
    add(engine, "old", ("pending", 300))
    add(engine, "left", ("unsubscribed", 300))
    mail(engine, "left", 300)
    off = RetentionRules(unconfirmed_days=0, ended_days=0, mail_days=0)
    assert Retention(engine, rules=off, address_hash_key=HASH_KEY).run(actor="test").total == 0
    assert names(engine) == {"old", "left"}
    assert retention.run_as_chore() > 0


def test_the_rules_are_shown(client: FlaskClient, services: Services):
    key = services.keys.create("boss", "admin", actor="test")
    answer = client.get("/v1/retention", headers={"Authorization": f"Bearer {key}"})
    assert answer.get_json() == {
        "rules": {"unconfirmed_days": 30, "ended_days": 0, "mail_days": 30, "audit_days": 0},
        "runs": [],
    }


@pytest.mark.parametrize(
    ("confirm_days", "mail_days", "kept"), [(7, 1, 30), (60, 1, 30), (7, 40, 40), (7, 0, 0)]
)
def test_an_email_is_kept_while_its_wrong_codes_and_soft_bounces_count(
    settings: Settings, engine: Engine, confirm_days: int, mail_days: int, kept: int
):
    given = replace(settings, confirm_days=confirm_days, retention_mail_days=mail_days)
    assert Services(given, engine).retention.show().rules.mail_days == kept
