"""Counters of requests: in this process, or in Redis for all processes together.

Windows are fixed and begin at whole multiples of their length. One call counts a request on all its
counters, in order, up to the first that is exceeded. That is one round trip to Redis; a counter
library's call for each would be one a counter.
"""

import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

import structlog

from service.clock import utc_now
from service.config import SettingError
from service.counting import REDIS_FALLBACK, numbers
from service.domain.signup.limits import Counted, Quota

KEY_PREFIX = "newsflash:count"
MAX_COUNTERS = 200_000
"""Of one window length in this process (some 20 MB); further keys share one counter."""
REDIS_TIMEOUT_SECONDS = 0.25
FIRST_REST_SECONDS = 1.0
LONGEST_REST_SECONDS = 30.0

_COUNT = """
local counts = {}
for place, key in ipairs(KEYS) do
    local count = redis.call('INCR', key)
    if count == 1 then redis.call('EXPIRE', key, ARGV[2 * place]) end
    counts[place] = count
    if count > tonumber(ARGV[2 * place - 1]) then break end
end
return counts
"""

_log = structlog.get_logger(__name__)


class Counters(Protocol):
    """Whatever counts requests."""

    def count(self, quotas: Sequence[Quota]) -> list[Counted]:
        """Count one request on each counter, up to the first that is exceeded; return these."""


class MemoryCounters:
    """Counts in this process. A window that has ended is dropped whole: nothing is swept."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._lock = threading.Lock()
        self._windows: dict[int, tuple[int, dict[tuple[str, str], int]]] = {}

    def count(self, quotas: Sequence[Quota]) -> list[Counted]:
        """Count one request on each counter, up to the first that is exceeded; return these."""
        now = utc_now().timestamp()
        counted = []
        with self._lock:
            for quota in quotas:
                found = Counted(quota, self._hit(quota, now), _reset(quota.limit.seconds, now))
                counted.append(found)
                if found.is_exceeded:
                    break
        return counted

    def _hit(self, quota: Quota, now: float) -> int:
        number = int(now // quota.limit.seconds)
        begun, counts = self._windows.get(quota.limit.seconds, (-1, {}))
        if begun != number:
            counts = {}
            self._windows[quota.limit.seconds] = (number, counts)
        key = (quota.policy, quota.key)
        if key not in counts and len(counts) >= MAX_COUNTERS:
            key = (quota.policy, "")
        counts[key] = counts.get(key, 0) + 1
        return counts[key]


class RedisCounters:
    """Counts in Redis. While it does not answer, in this process: never an error, never a wait.

    After a failure it is left alone for a second, doubling to 30 s.
    """

    def __init__(self, url: str) -> None:
        """Connect at first use. Raises `ValueError` for what is no Redis URL."""
        import redis  # an extra: only those who use it install it

        self._errors = (redis.RedisError, OSError)
        client = redis.Redis.from_url(
            url,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        )
        self._script: Any = client.register_script(_COUNT)
        self._fallback = MemoryCounters()
        self._rests_until = 0.0
        self._rest = FIRST_REST_SECONDS

    def count(self, quotas: Sequence[Quota]) -> list[Counted]:
        """Count one request on each counter, up to the first that is exceeded; return these."""
        if not quotas or time.monotonic() < self._rests_until:
            return self._fallback.count(quotas)
        now = utc_now().timestamp()
        keys = [
            f"{KEY_PREFIX}:{quota.policy}:{quota.key}:{int(now // quota.limit.seconds)}"
            for quota in quotas
        ]
        arguments = [
            number
            for quota in quotas
            for number in (quota.limit.amount, _reset(quota.limit.seconds, now) + 1)
        ]
        try:
            counts = self._script(keys, arguments)
        except self._errors as error:
            _log.warning("redis does not answer", error=type(error).__name__)
            numbers.set((REDIS_FALLBACK,), 1)
            self._rests_until = time.monotonic() + self._rest
            self._rest = min(2 * self._rest, LONGEST_REST_SECONDS)
            return self._fallback.count(quotas)
        self._rest = FIRST_REST_SECONDS
        numbers.set((REDIS_FALLBACK,), 0)
        return [
            Counted(quota, int(count), _reset(quota.limit.seconds, now))
            for quota, count in zip(quotas, counts, strict=False)
        ]


def open_counters(redis_url: str | None) -> Counters:
    """Return counters in Redis, or in this process where there is no URL.

    Connects at first use; a URL that cannot be used is a `SettingError`.
    """
    if redis_url is None:
        return MemoryCounters()
    try:
        return RedisCounters(redis_url)
    except ValueError:
        raise SettingError("REDIS_URL", "needs the form redis://host:6379/0") from None
    except ImportError:
        raise SettingError("REDIS_URL", "needs the extra: newsflash[redis]") from None


def _reset(seconds: int, now: float) -> int:
    """Return how many whole seconds the present window goes on, at least one."""
    return max(1, int(seconds - now % seconds))


def redis_problem(url: str) -> str | None:
    """Return what is wrong with the Redis of the URL, or None where it answers."""
    import redis

    try:
        with redis.Redis.from_url(
            url,
            socket_timeout=4 * REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=4 * REDIS_TIMEOUT_SECONDS,
        ) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        return type(error).__name__
    return None
