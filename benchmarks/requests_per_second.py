"""Signups, confirms and one-click unsubscribes a second, beside what limits them, in one run.

Each round measures in turn, for a few seconds each and with 16 connections:

- the bare Flask route on the same server and settings (the web side's limit);
- pgbench doing one comparable INSERT, prepared, a commit each (the limit of a service that commits
  each request by itself; sharing commits may pass it);
- signups of addresses that are all new, `POST /v1/subscriptions`;
- confirms, `POST /confirm/<token>`, of links signed beforehand;
- unsubscribes, `POST /unsubscribe/<token>` with the one-click body of RFC 8058, likewise.

The peers' ratios are not measured here: they were taken on another machine, each to a bare route of
its own, and say no more than the order of size.

Beside the rates stands the CPU time of a request: server, delivery and PostgreSQL together, without
the load generator. On a machine that does other things meanwhile its ratio to the bare route is the
steadier figure, for it does not depend on who got the processor.

The service runs as `newsflash serve` starts it, delivery beside it, on PostgreSQL with default
durability, into a mail API that takes everything at once. Each part begins when the mails of the
part before are out. Afterwards the database has to hold what was answered for.
"""

import json
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.load import FORM, JSON, Requests, Result, generator, send
from benchmarks.people import (
    confirm_paths,
    default_list,
    load_subscribers,
    settle_statistics,
    unsubscribe_paths,
)
from benchmarks.postgres import Postgres
from benchmarks.processes import cpu_seconds
from benchmarks.report import median_ratio, rate, table
from benchmarks.servers import MailSink, Server, bare_server, mail_sink, our_server

PREPARED_A_SECOND = 8_000
BARE_A_SECOND = 40_000
DRAIN_WITHIN_SECONDS = 90

BARE = "bare Flask route"
AT_MOST = {"signups": 8.0, "confirms": 6.0, "one-click unsubscribes": 5.0}
"""CPU time of a request in bare requests: what is aimed at."""
_PEERS = {
    "signups": "Go manager 12.3, Rust service 3.4",
    "confirms": "Go manager 7.6, Rust service 2.4",
    "one-click unsubscribes": "Go manager 6.2",
}

_LIMIT_TABLE = """
CREATE TABLE commit_limit (
    id uuid PRIMARY KEY, email text NOT NULL, email_key text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL)
"""
_LIMIT_INSERT = """\\set number random(1, 9000000000000000)
INSERT INTO commit_limit VALUES (gen_random_uuid(), 'person' || :number || '@example.org',
 'person' || :number || '-' || clock_timestamp() || '@example.org', now());
"""


def measure(server: Postgres, folder: Path, *, seconds: float, rounds: int) -> None:
    """Run the rounds and print the table."""
    database = server.create_database("requests")
    with (
        mail_sink(folder) as sink,
        our_server(folder, database, mail_url=sink.mail_url) as ours,
        bare_server(folder) as bare,
    ):
        count = int(PREPARED_A_SECOND * seconds)
        list_id = default_list(database)
        pending = load_subscribers(
            database, list_id, count * rounds, status="pending", name="pending"
        )
        confirmed = load_subscribers(
            database, list_id, count * rounds, status="confirmed", name="confirmed"
        )
        to_confirm = confirm_paths(pending, list_id)
        to_leave = unsubscribe_paths(confirmed, list_id)
        with database.connect() as connection:
            connection.execute(_LIMIT_TABLE)
        settle_statistics(database)
        (folder / "insert.sql").write_text(_LIMIT_INSERT)
        nothing = Requests("GET", JSON, [("/", "")] * int(BARE_A_SECOND * seconds))

        def part(number: int) -> slice:
            return slice(number * count, (number + 1) * count)

        parts: dict[str, tuple[Server, Callable[[int], Requests]]] = {
            BARE: (bare, lambda _: nothing),
            "signups": (ours, lambda number: signups(count, name=f"person{number}")),
            "confirms": (ours, lambda number: confirms(to_confirm[part(number)])),
            "one-click unsubscribes": (ours, lambda number: one_clicks(to_leave[part(number)])),
        }
        for path in ("/healthz", "/readyz"):  # both servers have been asked before it counts
            send(ours.port, Requests("GET", JSON, [(path, "")] * 50_000), seconds=1, folder=folder)
        send(bare.port, nothing, seconds=1, folder=folder)
        results: dict[str, list[Result]] = {name: [] for name in parts}
        cpu: dict[str, list[float]] = {name: [] for name in parts}
        limits: list[float] = []
        mails: list[float] = []
        for number in range(rounds):
            limits.append(_pgbench(database, folder, seconds))
            for name, (asked, made) in parts.items():
                wanted = made(number)
                before = sink.taken()["mails"]
                used = cpu_seconds((ours.pid, bare.pid, server.pid))
                found = send(asked.port, wanted, seconds=seconds, folder=folder)
                used = cpu_seconds((ours.pid, bare.pid, server.pid)) - used
                results[name].append(found)
                cpu[name].append(used / found.answers)
                if name == "signups":
                    mails.append((sink.taken()["mails"] - before) / seconds)
                    drain(database, sink)
        _check(database, results)
    _print(results, cpu, limits, mails)


def signups(count: int, *, name: str) -> Requests:
    """Sign up so many new addresses, which begin with `name`."""
    return Requests(
        "POST",
        JSON,
        [
            (
                "/v1/subscriptions",
                json.dumps({"email": f"{name}-{index}@example.org", "locale": "en"}),
            )
            for index in range(count)
        ],
    )


def confirms(paths: Sequence[str]) -> Requests:
    """Confirm by these links."""
    return Requests("POST", FORM, [(path, "") for path in paths])


def one_clicks(paths: Sequence[str]) -> Requests:
    """Unsubscribe by these links as a mailbox provider does (RFC 8058)."""
    return Requests("POST", FORM, [(path, "List-Unsubscribe=One-Click") for path in paths])


def _pgbench(database: Postgres, folder: Path, seconds: float) -> float:
    found = subprocess.run(
        [database.bin / "pgbench", *database.arguments, "-n", "-M", "prepared", "-c", "16",
         "-j", "2", "-T", str(max(1, round(seconds))), "-f", folder / "insert.sql",
         database.database],
        check=True, capture_output=True, text=True, timeout=seconds + 60,
    ).stdout  # fmt: skip
    match = re.search(r"tps = ([0-9.]+)", found)
    assert match is not None, found
    return float(match[1])


def drain(database: Postgres, sink: MailSink) -> None:
    """Wait until each mail that is owed is out."""
    deadline = time.monotonic() + DRAIN_WITHIN_SECONDS
    owed = "SELECT count(*) FROM outbox_messages WHERE status IN ('queued', 'sending')"
    while database.one(owed):
        assert time.monotonic() < deadline, f"mails do not go out: {sink.taken()}"
        time.sleep(0.2)


def _check(database: Postgres, results: dict[str, list[Result]]) -> None:
    """Hold the answers against the database: what was measured has to have happened."""
    for name, sql in {
        "signups": "SELECT count(*) FROM outbox_messages WHERE status = 'accepted'",
        "confirms": "SELECT count(*) FROM consent_events WHERE kind = 'confirmed'",
        "one-click unsubscribes": "SELECT count(*) FROM subscriptions"
        " WHERE ended_reason = 'one_click'",
    }.items():
        answered = sum(each.answers - each.refusals for each in results[name])
        found = database.one(sql)
        assert found >= answered, f"{name}: {answered} answered, {found} in the database"


def _print(
    results: dict[str, list[Result]],
    cpu: dict[str, list[float]],
    commit_limits: list[float],
    mails: list[float],
) -> None:
    bare = [each.rate for each in results[BARE]]
    costs = cpu[BARE]
    rows = []
    for name, found in results.items():
        rates = [each.rate for each in found]
        rows.append(
            [
                name,
                rate(rates),
                f"{median_ratio(rates, bare):.2f}",
                f"{median_ratio(rates, commit_limits):.2f}",
                f"{statistics.median(cpu[name]) * 1e6:,.0f}",
                f"{median_ratio(cpu[name], costs):.1f}",
                f"{AT_MOST[name]:.0f}" if name in AT_MOST else "",
                str(sum(each.refusals for each in found)),
                f"{statistics.median(each.median_ms for each in found):.1f}",
                f"{statistics.median(each.p99_ms for each in found):.1f}",
                f"{statistics.median(mails):,.0f}" if name == "signups" else "",
                _PEERS.get(name, ""),
            ]
        )
    limit = ["pgbench, one INSERT", rate(commit_limits)]
    limit += [f"{median_ratio(commit_limits, bare):.2f}", "1.00", "", "", "", "0", "", "", "", ""]
    rows.insert(1, limit)
    table(
        f"Requests a second ({len(bare)} rounds; {generator()})",
        ["", "a second", "to bare", "to pgbench", "CPU µs", "in bare", "at most", "refused",
         "median ms", "p99 ms", "emails/s meanwhile", "peers in bare, another machine"],
        rows,
    )  # fmt: skip
