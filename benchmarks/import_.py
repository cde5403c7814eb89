r"""Rows a second of `newsflash subscribers import` on PostgreSQL, the whole command counted.

Each round imports a file of new, confirmed subscribers into the same growing tables. Beside it, in
the same round: psql's `\copy` of the same file into a table without an index or a rule.
"""

import subprocess
import time
from pathlib import Path

from benchmarks.people import settle_statistics
from benchmarks.postgres import Postgres
from benchmarks.report import median_ratio, rate, table
from benchmarks.servers import migrate, newsflash, run, service_environment

COLUMNS = ("email", "name", "list", "status", "locale", "source", "requested_at", "confirmed_at")
AIM = 10_000
END_WITHIN_SECONDS = 600


def measure(server: Postgres, folder: Path, *, people: int, rounds: int) -> None:
    """Run the rounds and print the table."""
    database = server.create_database("import")
    migrate(database, folder)
    env = service_environment(database, mail_url="mailbox:")
    with database.connect() as connection:
        connection.execute(
            f"CREATE UNLOGGED TABLE plain ({', '.join(f'{name} text' for name in COLUMNS)})"
        )
    imports: list[float] = []
    copies: list[float] = []
    for number in range(rounds):
        file = folder / f"people{number}.csv"
        _write(file, people, number)
        start = time.monotonic()
        run(newsflash("subscribers", "import", str(file)), env=env, log=folder / "import.log")
        imports.append(people / (time.monotonic() - start))
        known = database.one("SELECT count(*) FROM subscriptions WHERE status = 'confirmed'")
        assert known == people * (number + 1), f"{known} people of {people * (number + 1)}"
        copies.append(people / _copy(database, file))
        settle_statistics(database)
    table(
        f"Import of {people:,} confirmed subscribers from CSV ({rounds} rounds)",
        ["", "rows a second", "aim", "to psql"],
        [
            ["newsflash subscribers import", rate(imports), f"{AIM:,}",
             f"{median_ratio(imports, copies):.2f}"],
            ["psql \\copy into a plain table", rate(copies), "", "1.00"],
        ],
    )  # fmt: skip


def _write(file: Path, people: int, number: int) -> None:
    with file.open("w") as out:
        out.write(",".join(COLUMNS) + "\n")
        out.writelines(
            f"person{number}-{index}@example.org,Person {index},news-flash,confirmed,en,"
            "https://example.org/signup,2025-01-02T03:04:05Z,2025-01-02T04:05:06Z\n"
            for index in range(people)
        )


def _copy(database: Postgres, file: Path) -> float:
    start = time.monotonic()
    subprocess.run(
        [database.bin / "psql", *database.arguments, "-q", "-X", "-c",
         f"\\copy plain FROM '{file}' CSV HEADER", database.database],
        check=True, timeout=END_WITHIN_SECONDS,
    )  # fmt: skip
    return time.monotonic() - start
