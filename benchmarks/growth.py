"""What growth costs: the hot paths with ten thousand, a million or more subscribers, in one run.

For each size a database of its own is filled, and the service runs on it as `newsflash serve`
starts it. Signups, confirms and one-click unsubscribes are measured as in `requests_per_second.py`,
their CPU time beside that of the bare route. Then stand the memory of all processes (PSS) and how
many bytes the database keeps of a person who signed up and confirmed: ledger, email and indexes
included.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import JSON, Requests, send
from benchmarks.people import (
    confirm_paths,
    default_list,
    load_subscribers,
    settle_statistics,
    unsubscribe_paths,
)
from benchmarks.postgres import Postgres
from benchmarks.processes import cpu_seconds, pss_megabytes
from benchmarks.report import table
from benchmarks.requests_per_second import (
    BARE,
    BARE_A_SECOND,
    PREPARED_A_SECOND,
    confirms,
    drain,
    one_clicks,
    signups,
)
from benchmarks.servers import bare_server, mail_sink, our_server

SIZES = (10_000, 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    size: int
    in_bare: dict[str, float]
    """CPU time of a request, in bare requests."""
    megabytes: float
    database_gigabytes: float
    bytes_a_person: float


def measure(
    server: Postgres, folder: Path, *, sizes: Sequence[int], seconds: float, rounds: int
) -> None:
    """Measure at each size and print the table."""
    found = [_at(server, folder, size, seconds=seconds, rounds=rounds) for size in sizes]
    names = list(found[0].in_bare)
    table(
        f"Growth ({rounds} rounds; CPU time of a request in bare requests)",
        ["subscribers", *names, "memory MB", "database GB", "bytes a new person"],
        [
            [
                f"{each.size:,}",
                *(f"{each.in_bare[name]:.1f}" for name in names),
                f"{each.megabytes:.0f}",
                f"{each.database_gigabytes:.2f}",
                f"{each.bytes_a_person:,.0f}",
            ]
            for each in found
        ],
    )


def _at(server: Postgres, folder: Path, size: int, *, seconds: float, rounds: int) -> _Found:
    database = server.create_database(f"growth_{size}")
    with (
        mail_sink(folder) as sink,
        our_server(folder, database, mail_url=sink.mail_url) as ours,
        bare_server(folder) as bare,
    ):
        count = int(PREPARED_A_SECOND * seconds)
        list_id = default_list(database)
        acting = count * (rounds + 1)
        pending = load_subscribers(database, list_id, acting, status="pending", name="new")
        staying = max(size - acting, acting)
        confirmed = load_subscribers(database, list_id, staying, status="confirmed", name="here")
        to_confirm = confirm_paths(pending, list_id)
        to_leave = unsubscribe_paths(confirmed[:acting], list_id)
        settle_statistics(database)
        processes = (ours.pid, bare.pid, server.pid)
        used: dict[str, list[float]] = {}
        nothing = Requests("GET", JSON, [("/", "")] * int(BARE_A_SECOND * seconds))
        for number in range(rounds + 1):
            now = slice(number * count, (number + 1) * count)
            for name, port, wanted in (
                (BARE, bare.port, nothing),
                ("signups", ours.port, signups(count, name=f"person{number}")),
                ("confirms", ours.port, confirms(to_confirm[now])),
                ("one-click unsubscribes", ours.port, one_clicks(to_leave[now])),
            ):
                before = cpu_seconds(processes)
                answers = send(port, wanted, seconds=seconds, folder=folder).answers
                drain(database, sink)
                if number:  # in the first one statements are prepared
                    used.setdefault(name, []).append((cpu_seconds(processes) - before) / answers)
        bare_cost = statistics.median(used.pop(BARE))
        return _Found(
            size=size,
            in_bare={name: statistics.median(costs) / bare_cost for name, costs in used.items()},
            megabytes=pss_megabytes(ours.pid),
            database_gigabytes=_database_bytes(database) / 1e9,
            bytes_a_person=_bytes_a_person(database),
        )


def _database_bytes(database: Postgres) -> int:
    return database.one("SELECT pg_database_size(current_database())")


def _bytes_a_person(database: Postgres) -> float:
    """Return what the tables of people take for each row that stands for a person's whole history.

    Each table is divided by its own rows, for the people who were loaded have no ledger: one person
    and subscription, an email, two events with their two entries.
    """
    parts = {
        "subscribers": 1,
        "subscriptions": 1,
        "outbox_messages": 1,
        "consent_events": 2,
        "ledger_entries": 2,
    }
    settle_statistics(database)
    return sum(
        times
        * database.one(f"SELECT pg_total_relation_size('{name}')")
        / max(1, database.one(f"SELECT count(*) FROM {name}"))  # noqa: S608
        for name, times in parts.items()
    )
