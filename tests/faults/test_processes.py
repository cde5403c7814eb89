"""Processes die at random moments: every signup that was accepted is there, with all it owes.

`NEWSFLASH_FAULT_RUNS` says how many times each database's site is broken (200 for a long look).
"""

import os
import random
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import requests
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url

from tests.faults.conftest import signups
from tests.features.conftest import empty_database, running_site
from tests.features.site import Site, eventually
from tests.postgres import libpq

RUNS = int(os.environ.get("NEWSFLASH_FAULT_RUNS", "2"))
CALLERS = 4
MAILS_A_SECOND = 50
"""Fewer than a busy machine takes from the test's own mail API."""


class Callers:
    """People who sign up without pause, and remember whom the service accepted."""

    def __init__(self, site: Site, prefix: str) -> None:
        self.taken: list[str] = []
        self.others: list[int] = []
        self._is_over = threading.Event()
        self._pool = ThreadPoolExecutor(CALLERS)
        self._running = [
            self._pool.submit(self._keep_on, site, f"{prefix}-{number}")
            for number in range(CALLERS)
        ]

    def _keep_on(self, site: Site, prefix: str) -> None:
        count = 0
        with requests.Session() as session:
            session.trust_env = False
            while not self._is_over.is_set():
                email, count = f"{prefix}-{count}@example.org", count + 1
                try:
                    answer = session.post(
                        f"{site.url}/v1/subscriptions", json={"email": email}, timeout=20
                    )
                except requests.RequestException:
                    self._is_over.wait(0.05)
                    continue
                if answer.status_code == 202:
                    self.taken.append(email)
                else:
                    self.others.append(answer.status_code)
                    self._is_over.wait(0.05)

    def stop(self) -> None:
        self._is_over.set()
        self._pool.shutdown()
        for each in self._running:
            each.result()


def assert_all_there(database: URL, taken: list[str]) -> None:
    engine = create_engine(database)
    try:
        assert set(taken) <= signups(engine)
    finally:
        engine.dispose()


def _workers(site: Site) -> list[int]:
    """Return the delivery processes of the site."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    found = (line.split(None, 2) for line in listed)
    return [
        int(pid)
        for pid, parent, name in found
        if int(parent) == site.process_id and name == "newsflash work"
    ]


def break_often(site: Site, database: URL, chance: random.Random) -> None:
    """Break the site again and again while people sign up; then look for each of them."""
    taken: list[str] = []
    for run in range(RUNS):
        callers = Callers(site, f"r{run}")
        eventually(lambda found=callers: len(found.taken) > 3, "signups")  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.4))  # the moment is what is tried
        kinds = ["site", "worker"] + ["connections"] * (database.get_backend_name() != "sqlite")
        kind = chance.choice(kinds)
        if kind == "site":
            site.kill()
            callers.stop()
            site.start()
        else:
            if kind == "worker":
                for pid in _workers(site):
                    os.kill(pid, signal.SIGKILL)
            else:
                with psycopg.connect(libpq(database), autocommit=True) as admin:
                    admin.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
            before = len(callers.taken)
            eventually(lambda c=callers, n=before: len(c.taken) > n + 3, kind)  # type: ignore[misc]
            callers.stop()
            assert set(callers.others) <= {503}
        taken += callers.taken
    assert_all_there(database, taken)
    last = taken[-1]
    # A worker that never lived for long leaves the mail of all these people to the last one.
    patience = 60 + len(taken) / MAILS_A_SECOND
    eventually(lambda: bool(site.mail.to(last)), "mail after all that", seconds=patience)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_whatever_dies_nothing_accepted_is_lost(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(7)
    if kind == "sqlite":
        url = make_url(f"sqlite:///{tmp_path}/newsflash.db")
        with running_site(tmp_path, url) as site:
            break_often(site, url, chance)
        return
    server: URL = request.getfixturevalue("postgres_server")
    with empty_database(server) as url, running_site(tmp_path, url) as site:
        break_often(site, url, chance)


def test_it_ends_under_load_with_nothing_half_done(tmp_path: Path) -> None:
    url = make_url(f"sqlite:///{tmp_path}/newsflash.db")
    with running_site(tmp_path, url) as site:
        callers = Callers(site, "t")
        eventually(lambda: len(callers.taken) > 20, "signups")
        site.terminate()
        began = time.monotonic()
        assert site.wait() == 0
        assert time.monotonic() - began < 25
        callers.stop()
        assert set(callers.others) <= {503}
        assert "Traceback" not in site.log
        assert_all_there(url, callers.taken)
