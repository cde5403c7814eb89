"""A thousand clients that send slowly and forty that do not read: everybody else is answered."""

import resource
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg
import pytest
import requests
from flask import Flask
from sqlalchemy.engine import URL, make_url

from service.front.limits import Limits
from service.store.tables.base import db
from service.usecases.access.keys import Keys
from service.usecases.lists.lists import Lists
from service.web.middleware.lanes import lane_of
from tests.features.conftest import empty_database, running_site
from tests.features.site import Site, eventually
from tests.front.conftest import Client, serving
from tests.postgres import libpq

SLOW_BODIES = 1_000
STALLED_READERS = 40
ANSWER_WITHIN_SECONDS = 5.0
"""A second on a machine of one's own. All that holds a slow client lasts longer than this."""
TRIES = 3
PEOPLE = 4_000
SMALL_BUFFER = 4096
HELD_SECONDS = 3.0


@contextmanager
def enough_files() -> Iterator[None]:
    """Let this process open a thousand sockets and more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = SLOW_BODIES + STALLED_READERS + 200
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"needs {needed} open files, and {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def import_people(url: str, headers: dict[str, str]) -> None:
    """Give the exports more than sockets hold."""
    rows = "".join(f"p{number}@example.org,pending,{'x' * 100}\n" for number in range(PEOPLE))
    answer = requests.post(
        f"{url}/v1/subscribers/import",
        data=f"email,status,name\n{rows}".encode(),
        headers={**headers, "Content-Type": "text/csv"},
        timeout=60,
    )
    assert answer.json()["imported"] == PEOPLE


def send_slowly(port: int, number: int, headers: dict[str, str]) -> socket.socket:
    """Announce a body and send a byte of it: as JSON, as a form, in chunks, or as a file."""
    path, framing = (
        ("/v1/subscriptions", "Content-Length: 100"),
        ("/subscribe/news-flash", "Content-Length: 100"),
        ("/v1/subscriptions", "Transfer-Encoding: chunked"),
        ("/v1/subscribers/import", "Content-Length: 100"),
    )[number % 4]
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: text/csv", framing]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    made = socket.create_connection(("127.0.0.1", port), timeout=20)
    made.sendall("\r\n".join([*lines, "", "{" if "Length" in framing else "64\r\n{"]).encode())
    return made


def ask_for_export(port: int, headers: dict[str, str]) -> socket.socket:
    """Ask for an export, and do not read it."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    made.settimeout(20)
    made.connect(("127.0.0.1", port))
    lines = ["GET /v1/subscribers/export HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    made.sendall("\r\n".join([*lines, "", ""]).encode())
    return made


def attack(site: Site) -> None:
    import_people(site.url, site.admin)
    with enough_files(), ExitStack() as stack:
        for _ in range(STALLED_READERS):
            stack.enter_context(closing(ask_for_export(site.port, site.admin)))
        for number in range(SLOW_BODIES):
            # Uploads behind a good key among them: they hold threads, but none of the others'.
            stack.enter_context(closing(send_slowly(site.port, number, site.admin)))
        with requests.Session() as other:
            other.trust_env = False
            for number in range(TRIES):
                found = other.get(f"{site.url}/healthz", timeout=ANSWER_WITHIN_SECONDS)
                assert found.status_code == 200
                taken = other.post(
                    f"{site.url}/v1/subscriptions",
                    json={"email": f"other{number}@example.org"},
                    timeout=ANSWER_WITHIN_SECONDS,
                )
                assert taken.status_code == 202
                form = other.post(
                    f"{site.url}/subscribe/news-flash",
                    data={"email": f"form{number}@example.org"},
                    allow_redirects=False,
                    timeout=ANSWER_WITHIN_SECONDS,
                )
                assert form.status_code == 303


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_slow_clients_keep_nobody_waiting(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        with running_site(tmp_path, make_url(f"sqlite:///{tmp_path}/newsflash.db")) as site:
            attack(site)
        return
    server: URL = request.getfixturevalue("postgres_server")
    with empty_database(server) as url, running_site(tmp_path, url) as site:
        attack(site)


def exports_under_way(database: URL) -> Callable[[], bool]:
    """Return what tells whether an export still holds the database."""
    if database.get_backend_name() != "sqlite":

        def is_copying() -> bool:
            with psycopg.connect(libpq(database)) as connection:
                (count,) = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY (%'"
                    " AND datname = current_database() AND state <> 'idle'"
                ).fetchone() or (0,)
                return bool(count)

        return is_copying

    def is_read() -> bool:
        # The log can be emptied only where nobody reads an older state.
        with closing(sqlite3.connect(str(database.database), timeout=0)) as connection:
            (count,) = connection.execute("PRAGMA user_version").fetchone()
            connection.execute(f"PRAGMA user_version = {count + 1}")
            connection.commit()
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return bool(busy)

    return is_read


def test_an_export_that_nobody_reads_lets_the_database_go(
    app: Flask, database_url: URL, tmp_path: Path
) -> None:
    with app.app_context():
        key = Keys(db.engine, lists=Lists(db.engine)).create("test", "admin", actor="test")
    headers = {"Authorization": f"Bearer {key}"}
    lanes = lane_of(app, "")
    limits = Limits(write_seconds=HELD_SECONDS, stop_seconds=5)
    is_held = exports_under_way(database_url)
    with serving(app, limits=limits, lane_of=lanes) as port:
        import_people(f"http://127.0.0.1:{port}", headers)
        assert not is_held()
        with closing(ask_for_export(port, headers)) as reader:
            assert reader.recv(1)
            eventually(is_held, "an export under way")
            eventually(lambda: not is_held(), "an end of the export")
        answer = requests.get(
            f"http://127.0.0.1:{port}/v1/exports", headers=headers, timeout=20
        ).json()
    assert [each["is_complete"] for each in answer["exports"]] == [False]


@pytest.mark.parametrize("path", ["/v1/subscribers/import", "/admin/import"])
def test_nothing_of_a_strangers_upload_is_asked_for(app: Flask, path: str) -> None:
    with serving(app, lane_of=lane_of(app, "")) as port:
        client = Client(port)
        client.send(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nExpect: 100-continue\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n"
            f"Origin: http://127.0.0.1:{port}\r\nContent-Length: 9000000000\r\n\r\n".encode()
        )
        found = client.rest()
        client.socket.close()
    assert found.split()[1] in (b"401", b"403", b"303")
