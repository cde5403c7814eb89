"""`python -m benchmarks [PART …] [--quick] [--seconds N] [--rounds N]`: run the measurements."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

from benchmarks import (
    delivery,
    export,
    growth,
    import_,
    membership,
    pages,
    requests_per_second,
    slow_clients,
)
from benchmarks.load import generator
from benchmarks.postgres import Postgres, postgres

Part = Callable[[Postgres, Path], None]


def parts(
    *, quick: bool, seconds: float | None, rounds: int | None, people: int | None = None
) -> dict[str, Part]:
    """Return every measurement, ready to run, by the name under which it is chosen."""
    return {
        "requests": partial(
            requests_per_second.measure,
            seconds=seconds or (2 if quick else 5),
            rounds=rounds or (1 if quick else 5),
        ),
        "pages": partial(
            pages.measure,
            seconds=seconds or (2 if quick else 5),
            rounds=rounds or (3 if quick else 5),
        ),
        "slow": partial(
            slow_clients.measure,
            seconds=seconds or (2 if quick else 5),
            rounds=rounds or (1 if quick else 5),
        ),
        "delivery": partial(
            delivery.measure,
            messages=10_000 if quick else 100_000,
            rounds=rounds or (1 if quick else 3),
        ),
        "export": partial(
            export.measure,
            people=100_000 if quick else 1_000_000,
            rounds=rounds or (3 if quick else 5),
        ),
        "import": partial(
            import_.measure,
            people=50_000 if quick else 1_000_000,
            rounds=rounds or (1 if quick else 3),
        ),
        "growth": partial(
            growth.measure,
            sizes=(10_000,) if quick else (*growth.SIZES, *([people] if people else [])),
            seconds=seconds or 2,
            rounds=rounds or (1 if quick else 3),
        ),
        "membership": partial(membership.measure, looks=500 if quick else 5_000),
    }


def main() -> None:
    """Read the command line, start PostgreSQL and run the chosen parts one after another."""
    names = list(parts(quick=True, seconds=None, rounds=None))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(names)}; default all")
    parser.add_argument("--quick", action="store_true", help="smaller and shorter: does it run?")
    parser.add_argument("--seconds", type=float, help="of each part of a round of requests")
    parser.add_argument("--people", type=int, help="one more size for growth: 10000000")
    parser.add_argument("--rounds", type=int, help="of each measurement")
    given = parser.parse_args()
    for name in given.parts:
        if name not in names:
            parser.error(f"there is no part {name!r} (there are {', '.join(names)})")
    # What is running is stopped by its own `finally`, whether this ends by Ctrl-C or by SIGTERM.
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory(prefix="newsflash-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with postgres(folder) as server:
            print(
                f"{os.cpu_count()} cores; Python {sys.version.split()[0]}; PostgreSQL"
                f" {_version(server)}, default durability; load: {generator()}",
                flush=True,
            )
            chosen = parts(
                quick=given.quick, seconds=given.seconds, rounds=given.rounds, people=given.people
            )
            for part in given.parts or names:
                start = time.monotonic()
                chosen[part](server, folder)
                print(f"\n  ({part} took {time.monotonic() - start:.0f} s)", flush=True)


def _version(server: Postgres) -> str:
    number = server.one("SELECT current_setting('server_version_num')::int")
    return f"{number // 10_000}.{number % 10_000}"


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted")
