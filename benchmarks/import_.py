r"""Rows a second of `newsflash subscribers import` on PostgreSQL, the whole command counted.

The limit is psql's `\copy … FROM` of the very rows that the import has just written, out of files
that are ready, into the same tables of a second database with the same indexes and constraints.
Both databases grow from round to round. One kind of file holds confirmed people with evidence, the
other also those who wait, who left, and who are asked by mail.
"""

import csv
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from benchmarks.people import settle_statistics
from benchmarks.postgres import Postgres
from benchmarks.processes import run_measured
from benchmarks.report import median_ratio, rate, table
from benchmarks.servers import migrate, newsflash, service_environment

AIM = 1 / 3
AIM_MEGABYTES = 150
COLUMNS = ("email", "name", "list", "status", "locale", "source", "requested_at", "confirmed_at",
           "ended_at", "ended_reason")  # fmt: skip
TABLES = {
    "subscribers": "subscribers.id",
    "subscriptions": "subscriptions.subscriber_id",
    "consent_events": "consent_events.subscriber_id",
    "outbox_messages": "outbox_messages.subscriber_id",
}
"""What an import writes, in the order of the foreign keys, and whose each row is."""

END_WITHIN_SECONDS = 1800


def measure(server: Postgres, folder: Path, *, people: int, rounds: int) -> None:
    """Run the rounds of both kinds of file and print a table for each."""
    for kind in ("confirmed", "mixed"):
        _measure(server, folder, kind=kind, people=people, rounds=rounds)


def _measure(server: Postgres, folder: Path, *, kind: str, people: int, rounds: int) -> None:
    ours = server.create_database("import")
    migrate(ours, folder)
    limit = server.create_database("limit", template="import")
    env = service_environment(ours, mail_url="mailbox:")
    imports: list[float] = []
    copies: list[float] = []
    peaks: list[float] = []
    for number in range(rounds):
        file = folder / "people.csv"
        with file.open("w", newline="") as out:
            csv.writer(out).writerows(chain([COLUMNS], _people(kind, people, number)))
        seconds, megabytes = run_measured(
            newsflash("subscribers", "import", str(file)), env=env, log=folder / "import.log"
        )
        imports.append(people / seconds)
        peaks.append(megabytes)
        _check(ours, people * (number + 1))
        files = _dump(ours, folder, number)
        for database in (ours, limit):
            settle_statistics(database)
        copies.append(people / _copy(limit, files))
        _check(limit, people * (number + 1))
    table(
        f"Import of {people:,} people from CSV, {kind} ({rounds} rounds)",
        ["", "rows a second", "to psql", "aim", "peak MB", "aim"],
        [
            ["newsflash subscribers import", rate(imports), f"{median_ratio(imports, copies):.2f}",
             f"{AIM:.2f}", f"{max(peaks):.0f}", str(AIM_MEGABYTES)],
            ["psql \\copy into the same tables", rate(copies), "1.00", "", "", ""],
        ],
    )  # fmt: skip


def _people(kind: str, count: int, number: int) -> Iterator[list[str]]:
    """Give the rows. Of ten mixed ones six have evidence; two wait, one left, one is asked."""
    site, start = "https://example.org/signup", datetime(2025, 1, 2, tzinfo=UTC)
    for index in range(count):
        asked = start + timedelta(seconds=10 * index)
        confirmed = f"{asked + timedelta(seconds=67):%Y-%m-%dT%H:%M:%SZ}"
        rest = ["confirmed", "en", site, f"{asked:%Y-%m-%dT%H:%M:%SZ}", confirmed, "", ""]
        match index % 10 if kind == "mixed" else 0:
            case 6 | 7:
                rest[0], rest[4] = "pending", ""
            case 8:
                rest[0], rest[5:] = "unsubscribed", [confirmed, "one_click"]
            case 9:
                rest[2] = rest[4] = ""
        yield [f"person{number}-{index}@example.org", f"Person {index}", "news-flash", *rest]


def _check(database: Postgres, people: int) -> None:
    """Stop unless everybody is there once, with one consent event."""
    for name in ("subscribers", "subscriptions", "consent_events"):
        found = database.one(f"SELECT count(*) FROM {name}")  # noqa: S608 - names of our own
        assert found == people, f"{found} {name} of {people} people"


def _dump(database: Postgres, folder: Path, number: int) -> dict[str, Path]:
    """Write the rows of this round's people to a file for each table."""
    files = {name: folder / f"{name}.copy" for name in TABLES}
    _psql(
        database,
        *(
            f"\\copy (SELECT {name}.* FROM {name} WHERE {whose} IN (SELECT id FROM subscribers"  # noqa: S608 - names of our own
            f" WHERE email LIKE 'person{number}-%')) TO '{files[name]}'"
            for name, whose in TABLES.items()
        ),
    )
    return files


def _copy(database: Postgres, files: dict[str, Path]) -> float:
    start = time.monotonic()
    _psql(database, *(f"\\copy {name} FROM '{file}'" for name, file in files.items()))
    return time.monotonic() - start


def _psql(database: Postgres, *commands: str) -> None:
    given = [argument for command in commands for argument in ("-c", command)]
    subprocess.run(
        [database.bin / "psql", *database.arguments, "-q", "-X", *given, database.database],
        check=True, timeout=END_WITHIN_SECONDS, stdout=sys.stderr,
    )  # fmt: skip
