"""`/readyz` writes, but not as often as it is asked."""

from flask import Flask
from flask.testing import FlaskClient

from service.store.tables.base import db
from tests.scenario import counted


def test_it_is_ready_and_says_so(client: FlaskClient):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    found = answer.get_json()
    assert abs(found.pop("clock_ahead_seconds")) < 1
    assert found == {
        "status": "ready",
        "database": True,
        "migrations": True,
        "keys": True,
        "writable": True,
        "oldest_due_seconds": 0,
    }


def test_many_requests_cause_few_writes(app: Flask, client: FlaskClient, monkeypatch):
    monkeypatch.setattr("service.usecases.operations.health.PROBE_EVERY_SECONDS", 3600)
    with app.app_context():
        engine = db.engine
    with counted(engine) as statements:
        for _ in range(30):
            assert client.get("/readyz").status_code == 200
    assert sum("INSERT INTO write_probe" in sql for sql in statements) == 1
