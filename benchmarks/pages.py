"""What a visitor's page costs: CPU time of the web processes for a request, beside the bare route.

Each round measures in turn, for a few seconds each and with 16 connections:

- the bare Flask route on the same server and settings;
- a route of ours that does as little, within our middleware;
- the status page, the confirm page and the unsubscribe page.

Only the CPU time of the web processes counts.
"""

import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from benchmarks.load import JSON, Requests, Result, generator, send
from benchmarks.people import (
    TOKENS,
    confirm_paths,
    copy_in,
    default_list,
    load_subscribers,
    settle_statistics,
    unsubscribe_paths,
)
from benchmarks.postgres import Postgres
from benchmarks.processes import cpu_seconds, descendants
from benchmarks.report import median_ratio, rate, table
from benchmarks.servers import bare_server, mail_sink, our_server
from service.store.types import new_id

PEOPLE = 2_000
PAGES_A_SECOND = 12_000
BARE_A_SECOND = 40_000
AIM = 3.0
BARE = "bare Flask route"


def measure(server: Postgres, folder: Path, *, seconds: float, rounds: int) -> None:
    """Run the rounds and print the table."""
    database = server.create_database("pages")
    with (
        mail_sink(folder) as sink,
        our_server(folder, database, mail_url=sink.mail_url) as ours,
        bare_server(folder) as bare,
    ):
        list_id = default_list(database)
        pending = load_subscribers(database, list_id, PEOPLE, status="pending", name="pending")
        confirmed = load_subscribers(
            database, list_id, PEOPLE, status="confirmed", name="confirmed"
        )
        paths = {
            # The front answers `/healthz` by itself, and hands this on.
            "our middleware alone": ["/healthz/"],
            "status page": status_paths(database, pending, list_id),
            "confirm page": confirm_paths(pending, list_id),
            "unsubscribe page": unsubscribe_paths(confirmed, list_id),
        }
        settle_statistics(database)
        parts: dict[str, tuple[int, Callable[[], Result]]] = {
            BARE: (bare.pid, partial(_ask, bare.port, ["/"], BARE_A_SECOND, seconds, folder)),
            **{
                name: (ours.pid, partial(_ask, ours.port, found, PAGES_A_SECOND, seconds, folder))
                for name, found in paths.items()
            },
        }
        results: dict[str, list[Result]] = {name: [] for name in parts}
        cpu: dict[str, list[float]] = {name: [] for name in parts}
        for number in range(rounds + 1):
            for name, (pid, run) in parts.items():
                processes = _web_processes(pid)
                used = cpu_seconds(processes)
                found = run()
                used = cpu_seconds(processes) - used
                if number:  # in the first one pages are rendered, and statements prepared
                    results[name].append(found)
                    cpu[name].append(used / found.answers)
    _print(results, cpu)


def status_paths(database: Postgres, people: Sequence[UUID], list_id: UUID) -> list[str]:
    """Give each of these people an email that was sent; return the paths of their status pages."""
    ids = [new_id() for _ in people]
    at = datetime.now(UTC) - timedelta(minutes=1)
    with database.connect() as connection:
        copy_in(
            connection,
            "outbox_messages (id, subscriber_id, kind, refs, status, created_at, next_attempt_at,"
            " attempts, provider, settled_at)",
            (
                f'{id_}\t{person}\tconfirm\t[["{list_id}", 1]]\taccepted\t{at}\t{at}\t1'
                f"\tpostmark\t{at}\n"
                for id_, person in zip(ids, people, strict=True)
            ),
        )
    return [f"/status/{TOKENS.status.issue(id_, list_id=list_id)}" for id_ in ids]


def _ask(port: int, paths: Sequence[str], a_second: int, seconds: float, folder: Path) -> Result:
    times = int(a_second * seconds) // len(paths) + 1
    return send(
        port,
        Requests("GET", JSON, [(path, "") for path in paths] * times),
        seconds=seconds,
        folder=folder,
    )


def _web_processes(pid: int) -> list[int]:
    """Return the processes that answer: all below `serve` but the worker."""
    return [
        each
        for each in descendants(pid)
        if Path(f"/proc/{each}/comm").read_text() != "newsflash work\n"
    ]


def _print(results: dict[str, list[Result]], cpu: dict[str, list[float]]) -> None:
    rows = [
        [
            name,
            f"{statistics.median(cpu[name]) * 1e6:,.0f}",
            f"{median_ratio(cpu[name], cpu[BARE]):.2f}",
            "" if name == BARE else f"{AIM:.2f}",
            rate([each.rate for each in found]),
            f"{statistics.median(each.median_ms for each in found):.1f}",
            str(sum(each.refusals for each in found)),
        ]
        for name, found in results.items()
    ]
    table(
        f"Visitors' pages ({len(results[BARE])} rounds; {generator()})",
        ["", "CPU µs", "in bare routes", "aim", "a second", "median ms", "refused"],
        rows,
    )
