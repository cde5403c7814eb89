"""What web processes count, for `GET /metrics`: one number for each of a fixed set of keys.

The numbers lie in memory that all web processes of one `newsflash serve` share, a row for each
process, which it alone writes. So whichever process is asked shows the sum of all, and a process
that is started again goes on where the one before it stopped. Nothing is written to disk, and a
number costs a fraction of a microsecond. Where processes are not forked (outside Linux) each shows
its own.
"""

import mmap
import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from enum import StrEnum

MAX_PROCESSES = 256
_BYTES = 8

Key = tuple[str, ...]


class Group(StrEnum):
    """Requests that belong together: their latency is one histogram."""

    SIGNUP = "signup"
    LINKS = "links"
    PAGES = "pages"
    EVENTS = "events"
    API = "api"
    ADMIN = "admin"
    PROBES = "probes"
    UNKNOWN = "unknown"


class Signup(StrEnum):
    """How a signup was answered, which is not what the visitor sees."""

    TAKEN = "taken"
    HELD = "held"
    LIMITED = "limited"


class Refusal(StrEnum):
    """Why a request was refused before anything was done for it."""

    HOST = "host"
    LIMIT = "limit"
    SIGNATURE = "signature"


CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the latency histogram, in seconds; one more bucket is for what takes longer."""
REQUESTS, SECONDS, BUCKET = "requests", "seconds", "bucket"
SIGNUPS, REFUSED = "signups", "refused"
UNTRUSTED = "untrusted_forwarding"
"""Requests with a proxy's headers that are not believed, for `TRUSTED_PROXIES` is 0."""
POOL_USED, POOL_LIMIT, REDIS_FALLBACK = "pool_used", "pool_limit", "redis_fallback"
GAUGES: tuple[Key, ...] = ((POOL_USED,), (POOL_LIMIT,), (REDIS_FALLBACK,))
"""What stands for this moment: it begins at 0 with each process."""

_KEYS: tuple[Key, ...] = (
    *((REQUESTS, group, name) for group in Group for name in CLASSES),
    *((SECONDS, group) for group in Group),
    *((BUCKET, group, str(place)) for group in Group for place in range(len(BUCKETS) + 1)),
    *((SIGNUPS, outcome) for outcome in Signup),
    *((REFUSED, reason) for reason in Refusal),
    (UNTRUSTED,),
    *GAUGES,
)


class Numbers:
    """A row of numbers for each process. Thread-safe."""

    def __init__(self, keys: Iterable[Key] = _KEYS, *, rows: int = MAX_PROCESSES) -> None:
        """Take the memory, all zero. Processes that are forked from here share it."""
        self._places = {key: place for place, key in enumerate(keys)}
        self._rows = rows
        self._all = memoryview(mmap.mmap(-1, rows * len(self._places) * _BYTES)).cast("d")
        self._first = 0
        self._lock = threading.Lock()

    def use_row(self, row: int) -> None:
        """Write into this row, as no other living process does."""
        self._lock = threading.Lock()
        self._first = row % self._rows * len(self._places)
        for key in GAUGES:
            if key in self._places:
                self.set(key, 0)

    def add(self, key: Key, amount: float = 1.0) -> None:
        """Add to a number."""
        place = self._first + self._places[key]
        with self._lock:
            self._all[place] += amount

    def set(self, key: Key, value: float) -> None:
        """Set a number that stands for this moment."""
        self._all[self._first + self._places[key]] = value

    def observe(self, group: Group, status: int, seconds: float) -> None:
        """Count a request, and how long it took."""
        places, first = self._places, self._first
        bucket = places[BUCKET, group, "0"] + bisect_left(BUCKETS, seconds)
        name = CLASSES[min(max(status // 100, 1), 5) - 1]
        with self._lock:
            self._all[first + places[REQUESTS, group, name]] += 1
            self._all[first + places[SECONDS, group]] += seconds
            self._all[first + bucket] += 1

    def totals(self) -> Mapping[Key, float]:
        """Return the sums over all processes."""
        width = len(self._places)
        rows = [self._all[at : at + width].tolist() for at in range(0, self._rows * width, width)]
        sums = [sum(column) for column in zip(*(row for row in rows if any(row)), strict=True)]
        return dict(zip(self._places, sums or [0.0] * width, strict=True))


numbers = Numbers()
"""Those of this process and of the ones beside it."""
