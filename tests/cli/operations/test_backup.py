"""`newsflash backup`: a whole copy of a database that others write to meanwhile."""

import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.engine import URL

from service.cli import main
from service.cli.operations import backup
from service.services import Services
from service.store.tables.base import db
from service.usecases.operations.backup import Backup
from tests.faults.conftest import signups


@pytest.fixture
def run(services: Services, monkeypatch: pytest.MonkeyPatch):
    """Run the command on the test's own services."""
    monkeypatch.setattr(backup, "services_or_exit", lambda: services)
    return lambda *args: CliRunner().invoke(main, ["backup", *map(str, args)])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backup_under_load_holds_everything_accepted_before_it(
    app: Flask, run, tmp_path: Path
) -> None:
    before = {f"before-{number}@example.org" for number in range(20)}
    for email in before:
        assert app.test_client().post("/v1/subscriptions", json={"email": email}).status_code == 202
    is_over = threading.Event()

    def keep_on() -> None:
        count = 0
        while not is_over.is_set():
            count += 1
            answer = app.test_client().post(
                "/v1/subscriptions", json={"email": f"during-{count}@example.org"}
            )
            assert answer.status_code == 202

    thread = threading.Thread(target=keep_on)
    thread.start()
    try:
        result = run(tmp_path / "copy.db")
    finally:
        is_over.set()
        thread.join()
    assert result.exit_code == 0, result.output
    copy = tmp_path / "copy.db"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    engine = create_engine(URL.create("sqlite", database=str(copy)))
    assert before <= signups(engine)
    engine.dispose()
    assert [path.name for path in tmp_path.glob("*copy*")] == ["copy.db"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backup_that_fails_leaves_the_last_one(app: Flask, run, tmp_path: Path) -> None:
    assert run(tmp_path / "copy.db").exit_code == 0
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with app.app_context():
        backup = Backup(db.engine)

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        backup(tmp_path / "copy.db", progress=broken)
    assert [path.name for path in tmp_path.glob("*copy*")] == ["copy.db"]
    missing = run(tmp_path / "no" / "copy.db")
    assert missing.exit_code == 1
    assert "No such file" in missing.output


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_on_postgresql_it_says_what_to_use(run, tmp_path: Path) -> None:
    result = run(tmp_path / "copy.db")
    assert result.exit_code == 1
    assert "pg_dump" in result.output
