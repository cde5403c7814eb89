"""Whether response times tell who is on a list: signups of strangers beside those of everyone else.

One client signs up addresses of each kind, each address once, all kinds mixed at random, over one
connection, and notes how long each answer took. Every kind is compared with the strangers, and so
is a second group of strangers: what that comes to is chance.

It is done twice: on a young database, which knows nothing of its tables yet, and on one that has
been in use for a while.

Shown are the two tests' statistics and p-values. `AUC` is the Mann-Whitney statistic as a share:
how often a random answer of that kind is slower than a stranger's. 0.50 tells nothing; by the aim
one look at an address's time may be right 52 times in 100 where guessing is right 50 times.
"""

import http.client
import json
import math
import random
import statistics
import time
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from benchmarks.people import copy_in, default_list, load_subscribers, settle_statistics
from benchmarks.postgres import Postgres
from benchmarks.report import table
from benchmarks.servers import SECRET_KEY, our_server
from service.domain.address import address_hash

AIM = 0.02
WARM = 2_000
_JSON = {"Content-Type": "application/json"}
STRANGERS = "stranger"
KINDS = (STRANGERS, "anotherr", "pendingg", "confirmd", "suppress")
"""How the addresses of each kind begin: all have one length, as their requests have."""

NAMES = ("stranger", "stranger (chance)", "pending", "confirmed", "suppressed")


def measure(server: Postgres, folder: Path, *, looks: int) -> None:
    """Sign `looks` addresses of each kind up and print the comparison, for each age in turn."""
    for is_young in (True, False):
        _measure(server, folder, looks=looks, is_young=is_young)


def _measure(server: Postgres, folder: Path, *, looks: int, is_young: bool) -> None:
    database = server.create_database("membership")
    with our_server(folder, database, mail_url="postmark://token@127.0.0.1:9?scheme=http") as ours:
        list_id = default_list(database)
        for kind, status in zip(KINDS[2:], ("pending", "confirmed", "confirmed"), strict=True):
            load_subscribers(database, list_id, looks, status=status, name=kind)
        _suppress(database, looks)
        if not is_young:
            _warm(ours.port)
            settle_statistics(database)
        times = _look(ours.port, looks)
    strangers = times[STRANGERS]
    rows = []
    for kind, name in zip(KINDS, NAMES, strict=True):
        spent = times[kind]
        auc, mann_whitney = mann_whitney_u(strangers, spent)
        distance, kolmogorov = kolmogorov_smirnov(strangers, spent)
        tests = [f"{auc:.3f}", f"{mann_whitney:.2f}", f"{distance:.3f}", f"{kolmogorov:.2f}"]
        is_met = "yes" if abs(auc - 0.5) <= AIM else "NO"
        rows.append(
            [
                name,
                f"{statistics.median(spent) / 1e6:.3f}",
                f"{statistics.quantiles(spent, n=20)[-1] / 1e6:.3f}",
                *(tests if kind != STRANGERS else [""] * 4),
                is_met if kind != STRANGERS else "",
            ]
        )
    table(
        f"Response times of {looks:,} signups of each kind, beside strangers; database"
        f" {'young' if is_young else 'in use'}",
        ["", "median ms", "95 % ms", "AUC", "p (MW)", "D", "p (KS)", f"within {AIM}"],
        rows,
    )


def _suppress(database: Postgres, count: int) -> None:
    now = datetime.now(UTC)
    emails = (f"{KINDS[-1]}{number}@example.org" for number in range(count))
    with database.connect() as connection:
        copy_in(
            connection,
            "suppressions (address_hash, reason, email_key, created_at)",
            (
                f"{address_hash(email, SECRET_KEY.encode())}\tcomplaint\t{email}\t{now}\n"
                for email in emails
            ),
        )


def _look(port: int, looks: int) -> dict[str, list[int]]:
    """Return the nanoseconds of each answer by kind."""
    times: dict[str, list[int]] = {kind: [] for kind in KINDS}
    turns = [(kind, number) for kind in KINDS for number in range(looks)]
    random.Random(1).shuffle(turns)
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for kind, number in turns:
        times[kind].append(_sign_up(client, f"{kind}{number}@example.org"))
    client.close()
    return times


def _warm(port: int) -> None:
    """Give every table rows, so that its statistics lead to the plans of a service in use."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for number in range(WARM):
        _sign_up(client, f"warm{number}@example.org")
    client.close()


def _sign_up(client: http.client.HTTPConnection, email: str) -> int:
    body = json.dumps({"email": email}).encode()
    start = time.perf_counter_ns()
    client.request("POST", "/v1/subscriptions", body, _JSON)
    answer = client.getresponse()
    answer.read()
    spent = time.perf_counter_ns() - start
    assert answer.status == 202, answer.status
    return spent


def mann_whitney_u(first: Sequence[int], second: Sequence[int]) -> tuple[float, float]:
    """Return the share of pairs in which `second` is larger, and the two-sided p-value.

    By the normal approximation with correction for ties, which is good from some 20 values on.
    """
    n, m = len(first), len(second)
    values = sorted([(value, False) for value in first] + [(value, True) for value in second])
    ranks, place, ties = 0.0, 0, 0
    for _, same in groupby(values, key=lambda pair: pair[0]):
        group = list(same)
        rank = place + (len(group) + 1) / 2
        ranks += rank * sum(is_second for _, is_second in group)
        ties += len(group) ** 3 - len(group)
        place += len(group)
    u = ranks - m * (m + 1) / 2
    total = n + m
    deviation = math.sqrt(n * m / 12 * (total + 1 - ties / (total * (total - 1))))
    z = (u - n * m / 2) / deviation
    return u / (n * m), math.erfc(abs(z) / math.sqrt(2))


def kolmogorov_smirnov(first: Sequence[int], second: Sequence[int]) -> tuple[float, float]:
    """Return the largest distance of the two distributions, and its asymptotic p-value."""
    a, b = sorted(first), sorted(second)
    distance = max(
        abs(bisect_right(a, value) / len(a) - bisect_right(b, value) / len(b)) for value in a + b
    )
    root = math.sqrt(len(a) * len(b) / (len(a) + len(b)))
    scaled = (root + 0.12 + 0.11 / root) * distance
    if scaled < 0.2:
        return distance, 1.0
    terms = ((-1) ** (k - 1) * math.exp(-2 * k * k * scaled * scaled) for k in range(1, 101))
    return distance, min(1.0, max(0.0, 2 * sum(terms)))
