"""Signups a second beside a thousand clients that send a byte of their body and stop.

Each round measures signups alone and then beside new slow clients, in turn, in one run.
"""

import contextlib
import json
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

from benchmarks.load import JSON, Requests, Result, generator, send
from benchmarks.postgres import Postgres
from benchmarks.processes import cpu_seconds
from benchmarks.report import median_ratio, rate, table
from benchmarks.servers import mail_sink, our_server

SLOW_CLIENTS = 1_000
PREPARED_A_SECOND = 8_000
_HEAD = b"POST /v1/subscriptions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"


def measure(server: Postgres, folder: Path, *, seconds: float, rounds: int) -> None:
    """Run the rounds and print the table."""
    database = server.create_database("slow")
    count = int(PREPARED_A_SECOND * seconds)
    results: dict[str, list[Result]] = {"alone": [], "beside slow clients": []}
    cpu: dict[str, list[float]] = {name: [] for name in results}
    with (
        mail_sink(folder) as sink,
        our_server(folder, database, mail_url=sink.mail_url) as ours,
    ):
        for number in range(rounds):
            for name, found in results.items():
                slow = slow_clients(ours.port) if found is not results["alone"] else _nobody()
                with slow:
                    before = cpu_seconds((ours.pid, server.pid))
                    result = send(
                        ours.port,
                        _signups(f"{number}{len(name)}", count),
                        seconds=seconds,
                        folder=folder,
                    )
                    used = cpu_seconds((ours.pid, server.pid)) - before
                found.append(result)
                cpu[name].append(used / result.answers * 1e6)
    alone = [each.rate for each in results["alone"]]
    rows = [
        [
            name,
            rate([each.rate for each in found]),
            f"{median_ratio([each.rate for each in found], alone):.2f}",
            f"{sorted(cpu[name])[len(cpu[name]) // 2]:,.0f}",
            str(sum(each.refusals for each in found)),
            f"{max(each.p99_ms for each in found):.0f}",
        ]
        for name, found in results.items()
    ]
    table(
        f"Signups beside {SLOW_CLIENTS:,} slow clients ({rounds} rounds; {generator()})",
        ["", "a second", "to alone", "CPU µs", "refused", "worst p99 ms"],
        rows,
    )


@contextlib.contextmanager
def slow_clients(port: int) -> Iterator[None]:
    """Keep a thousand connections that have announced a body and sent a byte of it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * SLOW_CLIENTS)), hard))
    with contextlib.ExitStack() as stack:
        for _ in range(SLOW_CLIENTS):
            made = socket.create_connection(("127.0.0.1", port), timeout=20)
            stack.enter_context(contextlib.closing(made))
            made.sendall(_HEAD)
        yield


@contextlib.contextmanager
def _nobody() -> Iterator[None]:
    yield


def _signups(name: str, count: int) -> Requests:
    return Requests(
        "POST",
        JSON,
        [
            (
                "/v1/subscriptions",
                json.dumps({"email": f"person{name}-{index}@example.org", "locale": "en"}),
            )
            for index in range(count)
        ],
    )
