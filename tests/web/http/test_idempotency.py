"""A request that comes twice under one `Idempotency-Key` leaves one signup."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import event, func, select, update

from service.domain.errors import UnavailableError
from service.store.tables.base import db
from service.store.tables.delivery import OutboxMessage
from service.store.tables.ledger import ConsentEvent
from service.store.tables.signup import HeldSignup, IdempotencyRecord
from service.usecases.signup import idempotency as module
from service.usecases.signup.idempotency import KEEP, Idempotency

CALL = "/v1/subscriptions"
KEY = '"8e03978e-40d5-43e8-bc93-6894a57f9324"'
BODY = {"email": "reader@example.org", "name": "R", "attributes": {"a": 1, "b": 2}}


def _post(client, key=KEY, body=BODY, **headers):
    return client.post(CALL, json=body, headers={"Idempotency-Key": key, **headers})


def _count(app, model):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model))


def _change_record(app, **values):
    with app.app_context():
        db.session.execute(update(IdempotencyRecord).values(**values))
        db.session.commit()


def test_the_same_request_again_gets_the_same_answer_and_leaves_one_signup(app, client):
    first, again = _post(client), _post(client)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json == again.json
    assert (_count(app, OutboxMessage), _count(app, ConsentEvent)) == (1, 1)
    other_order = {"attributes": {"b": 2, "a": 1}, "name": "R", "email": "reader@example.org"}
    assert _post(client, body=other_order).json == first.json


def test_another_body_under_the_key_is_refused(app, client):
    _post(client)
    refused = _post(client, body={**BODY, "name": "S"})
    assert refused.status_code == 422
    assert refused.json["type"] == "urn:newsflash:problem:idempotency-key-reused"
    assert _count(app, OutboxMessage) == 1


def test_another_key_is_another_request(app, client):
    assert _post(client).json != _post(client, key='"other"').json
    assert _count(app, OutboxMessage) == 2


def test_a_key_counts_for_who_sent_it(app, client, services):
    site = services.keys.create("site", "signup", actor="test")
    mine = _post(client)
    elsewhere = client.post(
        CALL,
        json=BODY,
        headers={"Idempotency-Key": KEY},
        environ_base={"REMOTE_ADDR": "198.51.100.1"},
    )
    sites = _post(client, Authorization=f"Bearer {site}")
    assert len({answer.json["status_url"] for answer in (mine, elsewhere, sites)}) == 3
    moved = client.post(
        CALL,
        json=BODY,
        headers={"Idempotency-Key": KEY, "Authorization": f"Bearer {site}"},
        environ_base={"REMOTE_ADDR": "198.51.100.1"},
    )
    assert moved.json == sites.json


@pytest.mark.parametrize(
    "key", ["bare-key_1.2", '"with blank"', r'"with \" and \\"', '"' + 255 * "x" + '"']
)
def test_what_is_a_key(client, key):
    assert _post(client, key=key).status_code == 202


@pytest.mark.parametrize(
    "key", ["", '""', '"', '"a', "two words", '"ü"', '"' + 256 * "x" + '"', '"a", "b"']
)
def test_what_is_no_key(client, key):
    refused = _post(client, key=key)
    assert refused.status_code == 400
    assert refused.json["type"] == "urn:newsflash:problem:idempotency-key"


def test_a_second_request_while_the_first_is_under_way_is_refused(
    app, client, services, monkeypatch
):
    entered, may_go = threading.Event(), threading.Event()
    real = services.subscribe._record

    def slow(group):
        entered.set()
        assert may_go.wait(10)
        return real(group)

    monkeypatch.setattr(services.subscribe._commits, "_work", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: _post(app.test_client()))
        assert entered.wait(10)
        refused = _post(client)
        may_go.set()
        told = first.result(10)
    assert refused.status_code == 409
    assert refused.json["type"] == "urn:newsflash:problem:in-flight"
    assert refused.headers["Retry-After"] == "1"
    assert told.status_code == 202
    assert _post(client).json == told.json


def test_many_at_once_leave_one_signup(app):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: _post(app.test_client()), range(16)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({a.json["status_url"] for a in answers if a.status_code == 202}) == 1
    assert _count(app, OutboxMessage) == 1


@pytest.mark.parametrize("body", [{"email": "wrong"}, {**BODY, "lists": ["unknown"]}])
def test_a_request_that_failed_leaves_its_key_free(app, client, body):
    assert _post(client, body=body).status_code in (404, 422)
    assert _count(app, IdempotencyRecord) == 0
    assert _post(client).status_code == 202


def test_a_fault_leaves_the_key_free(app, client, services, monkeypatch):
    def fail(_group):
        raise UnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(services.subscribe._commits, "_work", fail)
        assert _post(client).status_code == 503
    assert _post(client).status_code == 202
    assert _count(app, OutboxMessage) == 1


def test_a_request_whose_process_died_is_taken_up_again(app, client):
    first = _post(client)
    # As if the process had died between the signup's commit and the note that it is done.
    _change_record(app, is_done=False)
    assert _post(client).status_code == 409
    long_ago = datetime.now(UTC) - module.GIVEN_UP_AFTER - timedelta(seconds=1)
    _change_record(app, began_at=long_ago)
    assert _post(client).json == first.json
    assert _count(app, OutboxMessage) == 1


def test_a_request_that_died_before_its_signup_is_worked_on(app, client):
    _post(client, body={**BODY, "website": "x"})  # held: no message yet
    with app.app_context():
        db.session.execute(HeldSignup.__table__.delete())
        db.session.commit()
    long_ago = datetime.now(UTC) - module.GIVEN_UP_AFTER - timedelta(seconds=1)
    _change_record(app, is_done=False, began_at=long_ago)
    assert _post(client, body={**BODY, "website": "x"}).status_code == 202
    assert _count(app, HeldSignup) == 1


def test_a_key_is_forgotten_after_a_day(app, client):
    with time_machine.travel(datetime(2026, 3, 1, tzinfo=UTC), tick=False) as clock:
        first = _post(client)
        clock.shift(KEEP)
        assert _post(client).json == first.json
        clock.shift(timedelta(seconds=1))
        assert _post(client).json != first.json
        clock.shift(KEEP + timedelta(seconds=1))
        with app.app_context():
            assert Idempotency(db.engine).purge() == 1
        assert _count(app, IdempotencyRecord) == 0


def test_without_the_header_nothing_is_looked_up(app, client):
    seen = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    assert client.post(CALL, json=BODY).status_code == 202
    assert not [each for each in seen if "idempotency" in each]
