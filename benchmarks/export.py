r"""Export of confirmed subscribers over HTTP, beside psql's `\copy` of the same joined columns.

The people are loaded by COPY. In turns: `GET /v1/subscribers/export?format=csv`, read to its end by
one client, and `\copy (SELECT …) TO '/dev/null' CSV HEADER`. The export has to have a line for each
subscription, and asks with a purpose, which its manifest keeps. The memory is the highest peak
among the serving processes, counted from just before the first export.

Then each format once, by HTTP and by command, for its memory alone.
"""

import socket
import subprocess
import time
from pathlib import Path

from benchmarks.people import default_list, load_subscribers, settle_statistics
from benchmarks.postgres import Postgres
from benchmarks.processes import descendants, forget_peak, peak_megabytes, run_measured
from benchmarks.report import median_ratio, rate, table
from benchmarks.servers import (
    Server,
    create_key,
    newsflash,
    our_server,
    service_environment,
)
from service.domain.files.exchange import FileFormat

AIM = 0.8
AIM_MEGABYTES = 150
READ_BYTES = 1 << 18
END_WITHIN_SECONDS = 300

_COPY = """\
\\copy (SELECT person.email, person.name, list.slug, known.status, person.locale, known.source, \
known.requested_at, known.confirmed_at, known.ended_at, known.ended_reason, \
known.consent_text_version \
FROM subscriptions AS known JOIN subscribers AS person ON person.id = known.subscriber_id \
JOIN mailing_lists AS list ON list.id = known.mailing_list_id) TO '/dev/null' CSV HEADER"""


def measure(server: Postgres, folder: Path, *, people: int, rounds: int) -> None:
    """Run the rounds and print the table."""
    database = server.create_database("export")
    with our_server(folder, database, mail_url="postmark://token@127.0.0.1:9?scheme=http") as ours:
        load_subscribers(
            database, default_list(database), people, status="confirmed", name="person"
        )
        settle_statistics(database)
        key = create_key(database, role="export")
        processes = [ours.pid, *descendants(ours.pid)]
        _export(ours, key)  # both ways once before it counts: caches are warm for both
        _copy(database)
        for pid in processes:
            forget_peak(pid)
        exports: list[float] = []
        copies: list[float] = []
        for _ in range(rounds):
            seconds, lines = _export(ours, key)
            assert lines == people + 1, f"{lines} lines for {people} people"
            exports.append(people / seconds)
            copies.append(people / _copy(database))
        peak = max(peak_megabytes(pid) for pid in processes)
        formats = [
            [f"{form.value} by {way}", rate([people / seconds]), f"{megabytes:.0f}",
             str(AIM_MEGABYTES)]
            for form in FileFormat
            for way, seconds, megabytes in (
                ("HTTP", *_by_http(ours, key, form, database, people)),
                ("command", *_by_command(folder, form, database, people)),
            )
        ]  # fmt: skip
    table(
        f"Export of {people:,} confirmed subscribers as CSV ({rounds} rounds)",
        ["", "rows a second", "to psql", "aim", "peak MB", "aim"],
        [
            [
                "HTTP export",
                rate(exports),
                f"{median_ratio(exports, copies):.2f}",
                f"{AIM:.2f}",
                f"{peak:.0f}",
                str(AIM_MEGABYTES),
            ],
            ["psql \\copy", rate(copies), "1.00", "", "", ""],
        ],
    )

    table(
        f"Export of {people:,} confirmed subscribers in each format",
        ["", "rows a second", "peak MB", "aim"],
        formats,
    )


def _by_http(
    ours: Server, key: str, form: FileFormat, database: Postgres, people: int
) -> tuple[float, float]:
    """Export once; return the seconds and the peak of memory among the serving processes."""
    processes = [ours.pid, *descendants(ours.pid)]
    for pid in processes:
        forget_peak(pid)
    seconds, _ = _export(ours, key, form)
    _check_manifest(database, people)
    return seconds, max(peak_megabytes(pid) for pid in processes)


def _by_command(
    folder: Path, form: FileFormat, database: Postgres, people: int
) -> tuple[float, float]:
    file = folder / f"people.{form.value}"
    command = newsflash("subscribers", "export", "--format", form.value, "--output", str(file))
    env = service_environment(database, mail_url="mailbox:")
    found = run_measured(command, env=env, log=folder / "export.log")
    _check_manifest(database, people)
    file.unlink()
    return found


def _check_manifest(database: Postgres, people: int) -> None:
    """Stop unless the newest export is whole."""
    rows = database.one(
        "SELECT (detail ->> 'rows')::int FROM audit_entries WHERE action = 'subscribers.exported'"
        " ORDER BY at DESC LIMIT 1"
    )
    assert rows == people, f"{rows} rows for {people} people"


def _export(ours: Server, key: str, form: FileFormat = FileFormat.CSV) -> tuple[float, int]:
    """Read the whole answer; return its seconds and, of a text, its lines.

    The client costs next to nothing.
    """
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", ours.port), timeout=END_WITHIN_SECONDS) as client:
        client.sendall(
            b"GET /v1/subscribers/export?format=%b&purpose=benchmark HTTP/1.1\r\n"
            b"Host: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer %b\r\n\r\n"
            % (form.value.encode(), key.encode())
        )
        head, lines = b"", 0
        while data := client.recv(READ_BYTES):
            if b"\r\n\r\n" not in head:
                head += data
                assert head[9:12] == b"200", head[:500]
                _, _, data = head.partition(b"\r\n\r\n")
            lines += data.count(b"@")  # one byte cannot lie across two reads
    return time.monotonic() - start, lines + 1


def _copy(database: Postgres) -> float:
    start = time.monotonic()
    subprocess.run(
        [database.bin / "psql", *database.arguments, "-q", "-X", "-c", _COPY, database.database],
        check=True,
        timeout=END_WITHIN_SECONDS,
    )
    return time.monotonic() - start
