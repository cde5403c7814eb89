"""Standard error of real processes: nothing but JSON lines, whatever goes wrong in them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL

from tests.features.conftest import empty_database, running_site
from tests.features.site import eventually
from tests.postgres import libpq

KEYS = ("SECRET_KEY", "ADDRESS_HASH_KEY", "RECEIPT_KEY")


def test_web_and_worker_write_one_json_line_an_event(
    postgres_server: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections are cut, and processes are killed; nobody's address is in a line."""
    monkeypatch.setenv("PYTHONWARNINGS", "default::UserWarning")
    with empty_database(postgres_server) as database, running_site(tmp_path, database) as site:
        asked = site.session.post(
            f"{site.url}/v1/subscriptions", json={"email": "ann@secret.example"}
        )
        site.mail.wait_for("ann@secret.example")
        site.session.get(f"{site.url}/confirm/a-token-of-someone")
        with psycopg.connect(libpq(database), autocommit=True) as admin:

            def has_fault() -> bool:
                """Cut again until it is the worker's look for emails that finds no connection.

                A cut while it settles the email is another event, and heals the pool.
                """
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                return "database fault" in site.errors

            eventually(has_fault, "a fault in the worker")
        site.terminate()
        assert site.wait() == 0
        lines = [json.loads(line) for line in site.errors.splitlines()]
    assert {line["process"] for line in lines} == {"web", "worker"}
    for line in lines:
        assert {"timestamp", "level", "event", "process", "pid", "host"} <= line.keys()
    answered = [line for line in lines if line["event"] == "request"]
    (signup,) = [line for line in answered if line["route"] == "/v1/subscriptions"]
    assert signup["request_id"] == asked.headers["X-Request-ID"]
    assert any(line["route"] == "/confirm/<token>" for line in answered)
    assert "secret.example" not in site.errors
    assert "a-token-of" not in site.errors


DELIVERING = """
import os, socket
from service.cli.serving.worker import deliver_beside
deliver_beside(socket.socket(), os.getppid())
"""
"""What `serve` runs in a copy of itself."""


def test_a_worker_that_serve_has_started_says_in_a_line_why_it_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DELIVERING],
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if "NEWSFLASH" not in name},
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **{f"NEWSFLASH_{name}": "k" * 40 for name in KEYS},
            "NEWSFLASH_CONFIRM_DAYS": "none",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    (line,) = [json.loads(each) for each in done.stderr.splitlines()]
    assert (line["event"], line["process"]) == ("cannot start", "worker")
    assert "CONFIRM_DAYS" in line["reason"]
