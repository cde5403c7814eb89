"""Several processes find an empty database at once: it is migrated once, and all of them go on."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

from tests.faults.conftest import command
from tests.features.conftest import empty_database
from tests.features.site import eventually

PROCESSES = 4


def migrate_at_once(url: URL) -> None:
    running = [command(url, "db", "upgrade") for _ in range(PROCESSES)]
    assert [each.wait() for each in running] == [0] * PROCESSES
    assert command(url, "db", "check").wait() == 0
    engine = create_engine(url)
    with engine.connect() as connection:
        lists = connection.execute(text("SELECT slug FROM mailing_lists")).scalars().all()
    engine.dispose()
    assert lists == ["news-flash"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_that_migrate_at_once_do_it_once(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        migrate_at_once(make_url(f"sqlite:///{tmp_path}/newsflash.db"))
        return
    server: URL = request.getfixturevalue("postgres_server")
    with empty_database(server) as url:
        migrate_at_once(url)


def test_one_that_waited_long_builds_its_indexes_concurrently(postgres_server: URL) -> None:
    """After so many questions psycopg would prepare the next, whose snapshot an index waits for."""
    with empty_database(postgres_server) as url:
        engine = create_engine(url)
        asked: set[object] = set()
        with engine.connect() as holder, engine.connect() as looker:
            holder.execute(text("SELECT pg_advisory_xact_lock(7236829)"))
            running = [command(url, "db", "upgrade") for _ in range(2)]

            def has_asked_often() -> bool:
                found = looker.execute(
                    text(
                        "SELECT pid, query_start FROM pg_stat_activity"
                        " WHERE datname = current_database() AND query = 'ROLLBACK'"
                    )
                )
                asked.update(map(tuple, found))
                looker.rollback()
                return len(asked) > 16

            eventually(has_asked_often, "questions for the lock")
            holder.rollback()
        assert [each.wait() for each in running] == [0, 0]
        engine.dispose()
