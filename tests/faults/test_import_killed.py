"""An import dies in the middle: the same file once more, and each row is there, once.

`NEWSFLASH_FAULT_RUNS` says how many times each database's import is broken (200 for a long look).
"""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

from tests.faults.conftest import command
from tests.features.conftest import empty_database
from tests.features.site import eventually

RUNS = int(os.environ.get("NEWSFLASH_FAULT_RUNS", "1"))
ROWS = 11_000
READ_BEFORE_IT_DIES = 10_500
_COUNTS = """
SELECT (SELECT count(*) FROM subscribers), (SELECT count(*) FROM subscriptions),
    (SELECT count(DISTINCT subscriber_id) FROM subscriptions),
    (SELECT count(*) FROM consent_events),
    (SELECT count(DISTINCT subscriber_id) FROM consent_events),
    (SELECT count(*) FROM outbox_messages)
"""


def lines(first: int, last: int) -> bytes:
    """Give rows of confirmed people; every tenth has no evidence, and is asked."""
    return b"".join(
        b"p%d@example.org,confirmed,2025-01-02T03:04:05Z,%b\n"
        % (number, b"shop" * (number % 10 > 0))
        for number in range(first, last)
    )


def break_off(database: URL, folder: Path, prefix: int, chance: random.Random) -> None:
    """Kill an import whose file has not ended, once the database has its first rows."""
    engine = create_engine(database)
    header = b"email,status,confirmed_at,source\n"
    first = prefix * ROWS
    pipe = folder / f"{prefix}.pipe"
    os.mkfifo(pipe)
    importing = command(database, "subscribers", "import", "--format", "csv", str(pipe))

    def has_begun() -> bool:
        with engine.connect() as connection:
            query = text("SELECT count(*) FROM subscribers")
            return connection.execute(query).scalar_one() > first

    with pipe.open("wb", buffering=0) as file:
        file.write(header + lines(first, first + READ_BEFORE_IT_DIES))
        eventually(has_begun, "the first rows", seconds=120)
        time.sleep(chance.uniform(0, 0.2))  # the moment is what is tried
        importing.send_signal(signal.SIGKILL)
        importing.wait()
    with engine.connect() as connection:
        counts = connection.execute(text(_COUNTS)).one()
    assert first < counts[0] < first + ROWS
    whole = folder / f"{prefix}.csv"
    whole.write_bytes(header + lines(first, first + ROWS))
    assert command(database, "subscribers", "import", str(whole)).wait() == 0
    with engine.connect() as connection:
        counts = connection.execute(text(_COUNTS)).one()
    engine.dispose()
    everybody = first + ROWS
    assert counts == (*(everybody,) * 5, everybody // 10)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_killed_import_taken_up_again_loses_and_doubles_nothing(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(7)
    if kind == "sqlite":
        url = make_url(f"sqlite:///{tmp_path}/newsflash.db")
        assert command(url, "db", "upgrade").wait() == 0
        for run in range(RUNS):
            break_off(url, tmp_path, run, chance)
        return
    server: URL = request.getfixturevalue("postgres_server")
    with empty_database(server) as url:
        assert command(url, "db", "upgrade").wait() == 0
        for run in range(RUNS):
            break_off(url, tmp_path, run, chance)
