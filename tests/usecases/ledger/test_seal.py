"""Sealing on both databases: in one chain, each event once, whoever commits or seals when."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import Connection, Engine, delete, insert, select, update

from service.clock import utc_now
from service.domain.consent import Evidence
from service.domain.errors import LinkExpiredError, LinkForgedError, NotFoundError
from service.domain.ledger.check import FindingKind
from service.domain.ledger.format import GENESIS_HASH
from service.services import Services
from service.signing import Signer, seed_of
from service.store.tables.ledger import ConsentEvent, LedgerEntry, LedgerHead
from service.store.types import new_id
from service.usecases.ledger.receipts import LINK_WORKS_FOR
from service.usecases.ledger.seal import SealLedger
from service.usecases.ledger.verify import Report, VerifyReceipts
from tests.ledger_checker import check
from tests.scenario import ADA, NOON, Scenario

HERE = Evidence(source="/form", locale="en", ip="192.0.2.0/24")
ENTRIES, EVENTS = LedgerEntry.__table__, ConsentEvent.__table__


@pytest.fixture
def sealer(scenario: Scenario, engine: Engine) -> SealLedger:
    return Services(scenario.services.settings, engine).seal_ledger


def exported(scenario: Scenario, *, with_personal: bool = True) -> str:
    documents = scenario.services.receipts.export(with_personal=with_personal)
    return "".join(json.dumps(each) + "\n" for each in documents)


def verify(folder: Path, document: str | dict[str, Any], *kept: dict[str, Any]) -> Report:
    path = folder / "proof"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    paths = []
    for number, each in enumerate(kept):
        paths.append(folder / f"kept-{number}")
        paths[-1].write_text(json.dumps(each))
    return VerifyReceipts(kept=paths)(path)


def named(report: Report) -> list[tuple[FindingKind, int | None]]:
    return [(each.kind, each.position) for each in report.findings]


def insert_event(connection: Connection, scenario: Scenario, event_id: UUID | None = None) -> UUID:
    event_id = event_id or new_id()
    connection.execute(
        insert(EVENTS).values(
            id=event_id,
            subscriber_id=UUID(int=1),
            mailing_list_id=scenario.list_id(),
            epoch=1,
            kind="requested",
            at=utc_now(),
            email="x@example.org",
        )
    )
    return event_id


def chain_of(scenario: Scenario) -> list[Any]:
    return scenario.rows(select(ENTRIES).order_by(ENTRIES.c.position))


def assert_one_chain(scenario: Scenario) -> None:
    """Every event has one place, places have no gap, and each entry follows the one before."""
    entries = chain_of(scenario)
    previous = GENESIS_HASH
    for position, entry in enumerate(entries, start=1):
        assert (entry.position, entry.previous_hash) == (position, previous)
        previous = entry.entry_hash
    events = scenario.rows(select(EVENTS.c.id, EVENTS.c.position))
    assert {(row.id, row.position) for row in events} == {
        (entry.event_id, entry.position) for entry in entries
    }
    head = scenario.rows(select(LedgerHead.position, LedgerHead.entry_hash))[0]
    assert tuple(head) == (len(entries), previous)


def test_an_event_says_whose_consent_to_which_words_and_where_it_was(
    scenario: Scenario, sealer: SealLedger, tmp_path: Path
):
    with time_machine.travel(NOON, tick=False):
        scenario.sign_up("Ada@example.org", name="Ada", evidence=HERE)
        scenario.confirm(ADA)
        assert sealer.run_once() == 2
        assert sealer.run_once() == 0
    assert_one_chain(scenario)
    lines = [json.loads(line) for line in exported(scenario).splitlines()]
    texts = {line["sha256"]: line["text"] for line in lines if "text" in line}
    requested, confirmed = (line for line in lines if "entry" in line)
    assert requested["disclosed"] == {
        "email": "Ada@example.org",
        "name": "Ada",
        "source": "/form",
        "ip": "192.0.2.0/24",
    }
    assert confirmed["disclosed"] == {"email": "Ada@example.org"}
    event = requested["entry"]["event"]
    assert (event["kind"], event["at"], event["text_version"], event["locale"]) == (
        "requested",
        "2026-03-01T12:00:00.000000Z",
        "1",
        "en",
    )
    assert texts[event["text_sha256"]].startswith("By subscribing, you agree to receive News Flash")
    assert requested["salt"] != confirmed["salt"]
    assert (report := verify(tmp_path, exported(scenario))).findings == []
    assert report.entries == 2
    assert check(exported(scenario)) == set()


def test_an_empty_ledger_is_good(scenario: Scenario, sealer: SealLedger, tmp_path: Path):
    assert sealer.run_once() == 0
    assert verify(tmp_path, exported(scenario)).findings == []


def test_an_export_without_personal_fields_tells_of_nobody_and_is_good(
    scenario: Scenario, sealer: SealLedger, tmp_path: Path
):
    scenario.sign_up(ADA, name="Ada Lovelace", evidence=HERE)
    sealer.run_once()
    text = exported(scenario, with_personal=False)
    for told in (ADA, "Lovelace", "/form", "192.0.2", "salt"):
        assert told not in text
    assert verify(tmp_path, text).findings == []
    assert check(text) == set()


def test_more_than_a_batch_is_sealed_in_one_run(scenario: Scenario, engine: Engine, settings: Any):
    with engine.begin() as connection:
        for _ in range(25):
            insert_event(connection, scenario)
    signer = Signer(seed_of(settings.receipt_key))
    small = SealLedger(engine, signer=signer, texts=scenario.services.consent_texts, batch=10)
    assert small.run_once() == 25
    assert_one_chain(scenario)


def test_who_commits_late_is_sealed_late_whatever_its_id(
    scenario: Scenario, engine: Engine, sealer: SealLedger, database_url: Any
):
    early_id, late_id = new_id(), new_id()
    if engine.dialect.name == "sqlite":
        with engine.begin() as connection:
            insert_event(connection, scenario, late_id)
        assert sealer.run_once() == 1
        with engine.begin() as connection:
            insert_event(connection, scenario, early_id)
    else:
        slow = engine.connect()
        insert_event(slow, scenario, early_id)
        with engine.begin() as connection:
            insert_event(connection, scenario, late_id)
        assert sealer.run_once() == 1
        slow.commit()
        slow.close()
    assert sealer.run_once() == 1
    assert [entry.event_id for entry in chain_of(scenario)] == [late_id, early_id]
    assert_one_chain(scenario)


def test_many_seal_while_many_sign_up_and_it_is_one_chain(
    scenario: Scenario, engine: Engine, tmp_path: Path
):
    done = threading.Event()
    sealers = [Services(scenario.services.settings, engine).seal_ledger for _ in range(3)]

    def seal(one: SealLedger) -> int:
        count = 0
        while not done.is_set():
            count += one.run_once()
        return count

    def sign_up(number: int) -> None:
        for turn in range(10):
            scenario.sign_up(f"reader{number}-{turn}@example.org", evidence=HERE)

    with ThreadPoolExecutor(7) as pool:
        sealing = [pool.submit(seal, one) for one in sealers]
        for each in [pool.submit(sign_up, number) for number in range(4)]:
            each.result(timeout=60)
        done.set()
        counts = [each.result(timeout=60) for each in sealing]
    assert sum(counts) + sealers[0].run_once() == 40
    assert_one_chain(scenario)
    assert verify(tmp_path, exported(scenario)).findings == []


def test_erasure_deletes_fields_and_salts_and_the_chain_stays_good(
    scenario: Scenario, sealer: SealLedger, tmp_path: Path
):
    for email in (ADA, "bob@example.org"):
        scenario.sign_up(email, name="Somebody", evidence=HERE)
        scenario.confirm(email)
    sealer.run_once()
    before = [entry.entry_hash for entry in chain_of(scenario)]
    ada = scenario.person(ADA).id
    receipt = scenario.services.receipts.by_subscriber(ada, actor="test")
    scenario.services.subscribers.erase(ada, actor="test")
    assert sealer.run_once() == 1
    assert [entry.entry_hash for entry in chain_of(scenario)][:-1] == before
    rows = scenario.rows(select(EVENTS).where(EVENTS.c.subscriber_id == ada))
    assert {row.kind for row in rows} == {"requested", "confirmed", "erased"}
    for row in rows:
        if row.kind != "erased":
            assert row.salt is None
        assert (row.email, row.name, row.source, row.ip, row.detail) == (None,) * 5
    assert ADA not in (text := exported(scenario))
    assert verify(tmp_path, text).findings == []
    assert check(text) == set()
    assert verify(tmp_path, text, receipt).findings == []
    with pytest.raises(NotFoundError):
        scenario.services.receipts.by_subscriber(ada, actor="test")


def test_what_is_erased_before_it_is_sealed_leaves_no_commitment(
    scenario: Scenario, sealer: SealLedger, tmp_path: Path
):
    scenario.sign_up(ADA, evidence=HERE)
    scenario.services.subscribers.erase(scenario.person(ADA).id, actor="test")
    assert sealer.run_once() == 2
    assert [entry.commitments for entry in chain_of(scenario)] == [{}, {}]
    assert verify(tmp_path, exported(scenario)).findings == []


def test_an_event_that_is_being_erased_waits_for_the_next_run(
    scenario: Scenario, engine: Engine, sealer: SealLedger
):
    if engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time")
    scenario.sign_up(ADA, evidence=HERE)
    with engine.connect() as erasing:
        erasing.execute(update(EVENTS).values(email=None))
        assert sealer.run_once() == 0
        erasing.commit()
    assert sealer.run_once() == 1
    assert set(chain_of(scenario)[0].commitments) == {"source", "ip"}


def tampered(scenario: Scenario, engine: Engine, kind: str) -> None:
    entries = chain_of(scenario)
    with engine.begin() as connection:
        if kind == "changed":
            connection.execute(
                update(EVENTS).where(EVENTS.c.position == 3).values(email="eve@example.org")
            )
        elif kind == "changed time":
            connection.execute(update(EVENTS).where(EVENTS.c.position == 3).values(at=NOON))
        elif kind == "event removed":
            connection.execute(delete(EVENTS).where(EVENTS.c.position == 3))
        elif kind == "removed":
            connection.execute(delete(ENTRIES).where(ENTRIES.c.position == 3))
        elif kind == "reordered":
            for position, event in ((-1, entries[2]), (3, entries[3]), (4, entries[2])):
                connection.execute(
                    update(ENTRIES)
                    .where(ENTRIES.c.event_id == event.event_id)
                    .values(position=position)
                )
        else:
            connection.execute(delete(ENTRIES).where(ENTRIES.c.position > 4))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("changed", [(FindingKind.CHANGED, 3)]),
        ("changed time", [(FindingKind.CHANGED, 3)]),
        ("event removed", [(FindingKind.CHANGED, 3)]),
        ("removed", [(FindingKind.MISSING, 3)]),
        ("reordered", [(FindingKind.CHANGED, 3), (FindingKind.CHANGED, 4)]),
        ("tail removed", [(FindingKind.MISSING, 5)]),
    ],
)
def test_what_is_tampered_with_in_the_database_is_found_and_named(
    kind: str,
    expected: list[tuple[FindingKind, int | None]],
    scenario: Scenario,
    engine: Engine,
    sealer: SealLedger,
    tmp_path: Path,
):
    for number in range(6):
        scenario.sign_up(f"reader{number}@example.org", evidence=HERE)
    sealer.run_once()
    tampered(scenario, engine, kind)
    assert named(verify(tmp_path, exported(scenario))) == expected


def test_nothing_is_built_on_a_tail_that_was_cut_off(
    scenario: Scenario, engine: Engine, sealer: SealLedger, tmp_path: Path
):
    scenario.sign_up("one@example.org")
    sealer.run_once()
    kept = scenario.services.receipts.checkpoint()
    with engine.begin() as connection:
        connection.execute(delete(ENTRIES))
    scenario.sign_up("two@example.org")
    assert sealer.run_once() == 0
    with engine.begin() as connection:
        connection.execute(update(LedgerHead).values(position=0, entry_hash=GENESIS_HASH))
    text = exported(scenario)
    assert verify(tmp_path, text).findings == []
    assert named(verify(tmp_path, text, kept)) == [(FindingKind.MISSING, 1)]


def test_a_receipt_proves_both_acts_and_their_words_and_nothing_of_others(
    scenario: Scenario, sealer: SealLedger, tmp_path: Path
):
    scenario.make_lists("daily")
    with time_machine.travel(NOON) as clock:
        scenario.sign_up(ADA, evidence=HERE)
        scenario.sign_up("bob@example.org", evidence=HERE)
        clock.shift(60)
        token = scenario.services.confirm.act(scenario.confirm_link(ADA), HERE).receipt_token
        assert token is not None
        sealer.run_once()
        scenario.sign_up(ADA, "daily", evidence=HERE)
        receipt = scenario.services.receipts.by_link(token)
        clock.shift(LINK_WORKS_FOR.total_seconds() + 1)
        with pytest.raises(LinkExpiredError):
            scenario.services.receipts.by_link(token)
    with pytest.raises(LinkForgedError):
        scenario.services.receipts.by_link(token + "x")
    report = verify(tmp_path, receipt)
    assert (report.findings, report.entries, report.unsealed) == ([], 2, 0)
    assert receipt["subscriber"]["email"] == ADA
    (subscription,) = receipt["subscriptions"]
    assert subscription["requested_at"].startswith("2026-03-01T12:00:00")
    assert subscription["confirmed_at"].startswith("2026-03-01T12:01:00")
    assert [each["entry"]["event"]["kind"] for each in receipt["entries"]] == [
        "requested",
        "confirmed",
    ]
    assert len(receipt["texts"]) == 1
    assert "bob@example.org" not in json.dumps(receipt)
    assert "daily" not in json.dumps(receipt)
    whole = scenario.services.receipts.by_subscriber(scenario.person(ADA).id, actor="test")
    assert [each["list"] for each in whole["subscriptions"]] == ["news-flash", "daily"]
    assert verify(tmp_path, whole).unsealed == 1


def test_a_changed_text_shows_who_agreed_to_which(scenario: Scenario, sealer: SealLedger):
    texts = scenario.services.consent_texts
    scenario.sign_up("first@example.org")
    second = texts.add("news-flash", locale="de", text=" Ja,\r\nich will. ", actor="test")
    third = texts.add("news-flash", locale=None, text="Yes, I want it.", actor="test")
    assert (second.version, third.version, second.text) == ("2", "3", "Ja,\nich will.")
    scenario.sign_up("second@example.org", evidence=Evidence(locale="de-AT"))
    scenario.sign_up("third@example.org", evidence=Evidence(locale="fr"))
    shown = {scenario.list_id(): "1"}
    scenario.sign_up("fourth@example.org", evidence=Evidence(locale="de", shown_texts=shown))
    shown = {scenario.list_id(): "99"}
    scenario.sign_up("fifth@example.org", evidence=Evidence(locale="de", shown_texts=shown))
    names = ("first", "second", "third", "fourth", "fifth")
    agreed = [scenario.subscription(f"{name}@example.org").consent_text_version for name in names]
    assert agreed == ["1", "2", "3", "1", "2"]
    sealer.run_once()
    lines = [json.loads(line) for line in exported(scenario).splitlines()]
    words = {line["sha256"]: line["text"] for line in lines if "text" in line}
    told = [words[line["entry"]["event"]["text_sha256"]] for line in lines if "entry" in line]
    assert told[1:3] == ["Ja,\nich will.", "Yes, I want it."]


def test_confirming_agrees_to_what_the_page_showed_else_to_what_was_asked_for(scenario: Scenario):
    texts = scenario.services.consent_texts
    for email in (ADA, "bob@example.org"):
        scenario.sign_up(email)
    texts.add("news-flash", locale=None, text="New words.", actor="test")
    scenario.confirm(ADA)
    shown = Evidence(shown_texts={scenario.list_id(): "2"})
    scenario.services.confirm.act(scenario.confirm_link("bob@example.org"), shown)
    assert scenario.subscription(ADA).consent_text_version == "1"
    assert scenario.subscription("bob@example.org").consent_text_version == "2"
    events = scenario.rows(select(EVENTS).where(EVENTS.c.kind == "confirmed").order_by(EVENTS.c.id))
    assert [event.text_version for event in events] == ["1", "2"]


def test_texts_added_at_once_get_a_version_each(scenario: Scenario):
    def add(number: int) -> str:
        return scenario.services.consent_texts.add(
            "news-flash", locale=None, text=f"Text {number}", actor="test"
        ).version

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(add, range(8)), key=int) == [str(n) for n in range(2, 10)]
