"""Mails handed to a batch API a second, beside a bare `requests` loop that posts the same bytes.

Confirmation mails are queued in PostgreSQL and one `newsflash worker` hands them to an API of
Postmark's shape that answers at once, then to one that takes 20 ms for each call. The rate is taken
at the API, from its first call to its last. Beside it, in the same round: a loop of one thread, and
of eight (as many calls as the worker has under way), that only post bodies which the worker sent
before. They read no database, compose nothing and settle nothing.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from benchmarks.people import copy_in, default_list, load_subscribers, settle_statistics
from benchmarks.postgres import Postgres
from benchmarks.processes import running
from benchmarks.report import median_ratio, rate, table
from benchmarks.servers import MailSink, mail_sink, migrate, newsflash, service_environment
from service.store.types import new_id

LATENCIES_MS = (0, 20)
BATCH = 500
CALLS_UNDER_WAY = 8
END_WITHIN_SECONDS = 600


def measure(server: Postgres, folder: Path, *, messages: int, rounds: int) -> None:
    """Run the rounds for each latency and print the table."""
    database = server.create_database("delivery")
    migrate(database, folder)
    _queue(database, messages)
    rows = []
    for latency_ms in LATENCIES_MS:
        ours: list[float] = []
        loops: dict[int, list[float]] = {1: [], CALLS_UNDER_WAY: []}
        with mail_sink(folder, latency_ms=latency_ms) as sink:
            for _ in range(rounds):
                _requeue(database)
                sink.forget()
                ours.append(_deliver(database, sink, folder, messages))
                bodies = sink.kept()
                for threads, rates in loops.items():
                    rates.append(_bare_loop(sink, bodies, messages, threads))
        rows.append([f"newsflash worker, {latency_ms} ms", rate(ours), ""])
        for threads, rates in loops.items():
            name = f"requests loop, {threads} thread{'s' if threads > 1 else ''}, {latency_ms} ms"
            rows.append([name, rate(rates), f"{median_ratio(ours, rates):.2f}"])
    table(
        f"Mails handed over ({messages:,} messages, batches of {BATCH}, {rounds} rounds)",
        ["", "a second", "worker to it"],
        rows,
    )


def _queue(database: Postgres, messages: int) -> None:
    """Owe each of so many people a confirmation mail."""
    list_id = default_list(database)
    ids = load_subscribers(database, list_id, messages, status="pending", name="person")
    with database.connect() as connection:
        copy_in(
            connection,
            "outbox_messages (id, subscriber_id, kind, refs, locale, status, created_at,"
            " next_attempt_at)",
            (
                f'{new_id()}\t{id_}\tconfirm\t[["{list_id}", 1]]\ten\taccepted\tnow\tnow\n'
                for id_ in ids
            ),
        )


def _requeue(database: Postgres) -> None:
    """Owe all mails anew."""
    with database.connect() as connection:
        connection.execute(
            "UPDATE outbox_messages SET status = 'queued', attempts = 0, batch_id = NULL,"
            " created_at = now(), next_attempt_at = now()"
        )
    settle_statistics(database)


def _deliver(database: Postgres, sink: MailSink, folder: Path, messages: int) -> float:
    """Let a worker deliver all; return mails a second as the API saw them."""
    env = service_environment(
        database, mail_url=sink.mail_url, public_url="https://news.example.org"
    )
    with running(newsflash("worker", "--drain"), log=folder / "worker.log", env=env) as process:
        process.wait(END_WITHIN_SECONDS)
    taken = sink.taken()
    assert taken["mails"] == messages, f"{taken['mails']} mails of {messages} arrived"
    unsettled = database.one("SELECT count(*) FROM outbox_messages WHERE status <> 'accepted'")
    assert not unsettled, f"{unsettled} mails are not settled"
    return float((taken["mails"] - taken["first_mails"]) / taken["seconds"])


def _bare_loop(sink: MailSink, bodies: list[bytes], messages: int, threads: int) -> float:
    """Post the worker's own bodies as often as there are batches; return mails a second."""
    calls = messages // BATCH
    local = threading.local()
    headers = {"Content-Type": "application/json", "X-Postmark-Server-Token": "token"}

    def post(number: int) -> None:
        if not hasattr(local, "session"):
            local.session = requests.Session()
            local.session.trust_env = False
        answer = local.session.post(
            f"{sink.url}/email/batch",
            data=bodies[number % len(bodies)],
            headers=headers,
            timeout=30,
        )
        assert len(answer.json()) == BATCH

    start = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(post, range(calls)):
            pass
    return calls * BATCH / (time.monotonic() - start)
