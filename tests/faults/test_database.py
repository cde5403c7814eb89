"""The database fails in every way: a clear 503, nothing half-written, and recovery by itself."""

import json
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from werkzeug.test import TestResponse

from service.app import create_app, services_of
from service.store import database
from service.store.tables.base import db
from service.usecases.operations import health
from tests.conftest import _migrate, make_settings
from tests.faults.conftest import BreakableServer, signups

SECRET = "a-password-that-nobody-may-see"
HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def app_on(url: URL, folder: Path) -> Iterator[Flask]:
    app = create_app(make_settings(url, folder))
    try:
        yield app
    finally:
        services_of(app).close()


def engine_of(app: Flask) -> Engine:
    with app.app_context():
        return db.engine


def sign_up(client: FlaskClient, name: str) -> TestResponse:
    return client.post("/v1/subscriptions", json={"email": f"{name}@example.org"})


def assert_unavailable(answer: TestResponse) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.content_type == "application/problem+json"
    assert json.loads(answer.data)["type"] == "urn:newsflash:problem:unavailable"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert SECRET not in answer.text
    assert "sql" not in answer.text.lower()


def assert_not_ready(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {
        "status": "not ready",
        "database": False,
        "migrations": False,
        "keys": False,
        "writable": False,
        "oldest_due_seconds": 0,
        "clock_ahead_seconds": 0,
    }
    assert client.get("/healthz").status_code == 200


def assert_recovered(client: FlaskClient, app: Flask, name: str = "after") -> None:
    assert sign_up(client, name).status_code == 202
    assert client.get("/readyz").status_code == 200
    assert f"{name}@example.org" in signups(engine_of(app))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_database_that_is_not_there(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = URL.create("sqlite", database=f"{tmp_path}/missing/newsflash.db")
    if kind == "postgresql":
        url = URL.create("postgresql+psycopg", "ada", SECRET, "127.0.0.1", port, "news")
    with app_on(url, tmp_path) as app:
        client = app.test_client()
        assert_unavailable(sign_up(client, "ada"))
        form = client.post("/subscribe/news-flash", data={"email": "ada@example.org"})
        assert_unavailable(form)
        page = client.get("/", headers={"Accept": "text/html"})
        assert (page.status_code, page.mimetype) == (503, "text/html")
        assert "Retry-After" in page.headers
        assert_unavailable(
            client.get("/v1/lists", headers={"Authorization": f"Bearer nf_{'a' * 43}"})
        )
        assert_not_ready(client)
    logged = "".join(capfd.readouterr())
    assert SECRET not in logged
    assert "ada@example.org" not in logged


def test_a_server_that_takes_connections_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "POOL_WAIT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = URL.create("postgresql+psycopg", "ada", SECRET, "127.0.0.1", port, "news")
        with app_on(url, tmp_path) as app:
            assert_unavailable(sign_up(app.test_client(), "ada"))


def test_a_restart_costs_no_more_than_the_requests_under_way(
    own_server: BreakableServer, tmp_path: Path
) -> None:
    _migrate(own_server.url, tmp_path)
    taken: list[str] = []
    refused: list[int] = []
    is_over = threading.Event()
    with app_on(own_server.url, tmp_path) as app:

        def keep_on(number: int) -> None:
            client, count = app.test_client(), 0
            while not is_over.is_set():
                name = f"p{number}-{count}"
                answer = sign_up(client, name)
                count += 1
                if answer.status_code == 202:
                    taken.append(f"{name}@example.org")
                else:
                    assert_unavailable(answer)
                    refused.append(answer.status_code)
                    is_over.wait(0.02)

        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(keep_on, number) for number in range(4)]
            try:
                _until(lambda: len(taken) > 20)
                own_server.stop()
                _until(lambda: len(refused) > 8)
                assert_not_ready(app.test_client())
                before = len(taken)
                own_server.start()
                _until(lambda: len(taken) > before + 20)
            finally:
                is_over.set()
                for each in running:
                    each.result()
        assert set(taken) <= signups(engine_of(app))
        assert_recovered(app.test_client(), app)


def test_a_server_that_takes_no_writes_is_unavailable(postgres_url: URL, tmp_path: Path) -> None:
    """As after a failover, while the new one is not promoted yet."""
    with app_on(postgres_url, tmp_path) as app:
        client, engine = app.test_client(), engine_of(app)

        def read_only(connection: Any, *_: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SET default_transaction_read_only = on")
            connection.commit()

        event.listen(engine, "connect", read_only)
        engine.dispose()
        assert_unavailable(sign_up(client, "ada"))
        assert_not_writable(client)
        event.remove(engine, "connect", read_only)
        engine.dispose()
        assert_recovered(client, app)


@pytest.fixture(autouse=True)
def probing_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """See at once what was broken or mended."""
    monkeypatch.setattr(health, "PROBE_EVERY_SECONDS", 0)


def assert_not_writable(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["database"] is True
    assert answer.json["migrations"] is True
    assert answer.json["writable"] is False
    assert client.get("/healthz").status_code == 200


@pytest.fixture
def waiting_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that a person would not notice."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 100)
    monkeypatch.setattr(database, "POOL_WAIT_SECONDS", 0.1)


def test_another_process_holds_the_write_lock(
    sqlite_url: URL, tmp_path: Path, waiting_little: None
) -> None:
    with app_on(sqlite_url, tmp_path) as app:
        client = app.test_client()
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(sqlite_url.database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert_unavailable(sign_up(client, "during"))
        assert client.get("/").status_code == 200  # whoever reads does not wait
        assert_not_writable(client)
        holder.communicate(b"\n")
        assert_recovered(client, app)
        assert signups(engine_of(app)) == {"after@example.org"}


def test_a_full_disk(sqlite_url: URL, tmp_path: Path) -> None:
    with app_on(sqlite_url, tmp_path) as app:
        client, engine = app.test_client(), engine_of(app)

        def no_more_pages(connection: sqlite3.Connection, _record: object) -> None:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages + 4}")

        event.listen(engine, "connect", no_more_pages)
        engine.dispose()
        answers = {f"p{number}": sign_up(client, f"p{number}") for number in range(200)}
        taken = {name for name, answer in answers.items() if answer.status_code == 202}
        assert 0 < len(taken) < len(answers)
        assert_not_writable(client)
        for name in answers.keys() - taken:
            assert_unavailable(answers[name])
        assert signups(engine) == {f"{name}@example.org" for name in taken}
        event.remove(engine, "connect", no_more_pages)
        engine.dispose()
        assert_recovered(client, app)


def test_an_exhausted_pool(database_url: URL, tmp_path: Path, waiting_little: None) -> None:
    with app_on(database_url, tmp_path) as app:
        client, engine = app.test_client(), engine_of(app)
        with ExitStack() as held:
            for _ in range(16 if database_url.get_backend_name() == "postgresql" else 15):
                held.enter_context(engine.connect())
            assert_unavailable(sign_up(client, "during"))
            assert_not_ready(client)
        assert_recovered(client, app)
        assert signups(engine) == {"after@example.org"}


def test_a_database_of_another_version_is_named(database_url: URL, tmp_path: Path) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    engine.dispose()
    with app_on(database_url, tmp_path) as app:
        answer = app.test_client().get("/readyz")
        assert answer.status_code == 503
        assert answer.json is not None
        assert (answer.json["database"], answer.json["migrations"]) == (True, False)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "newsflash.db"
    path.write_bytes(b"not a database " * 1000)
    with app_on(URL.create("sqlite", database=str(path)), tmp_path) as app:
        client = app.test_client()
        assert_unavailable(sign_up(client, "ada"))
        assert_not_ready(client)


def _until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1500):
        if is_so():
            return
        pause.wait(0.02)
    pytest.fail("not within 30 s")
