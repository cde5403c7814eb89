"""Counters in this process and in Redis count alike, and a Redis that is gone stops nobody."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine

from service.domain.signup.limits import Limit, Quota
from service.store.signup import counters as store
from service.store.signup.counters import MemoryCounters, RedisCounters
from tests.redis import running_redis

MINUTE = Quota("client-60", "c", Limit(3, 60))
HOUR = Quota("client-3600", "c", Limit(100, 3600))
OVERALL = Quota("overall-60", "", Limit(1000, 60))


@pytest.fixture
def redis(tmp_path):
    with running_redis(tmp_path) as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def counters(request):
    if request.param == "memory":
        return MemoryCounters()
    return RedisCounters(request.getfixturevalue("redis").url)


def _counts(found):
    return [(each.quota.policy, each.count) for each in found]


def test_each_counter_counts_for_itself(counters):
    other = Quota("client-60", "d", Limit(3, 60))
    counters.count([MINUTE, HOUR])
    assert _counts(counters.count([MINUTE, HOUR])) == [("client-60", 2), ("client-3600", 2)]
    assert _counts(counters.count([other])) == [("client-60", 1)]


def test_a_refused_request_uses_up_nothing_behind_the_counter_that_refused_it(counters):
    for _ in range(3):
        assert not counters.count([MINUTE, OVERALL])[-1].is_exceeded
    for _ in range(5):
        found = counters.count([MINUTE, OVERALL])
        assert len(found) == 1
        assert found[-1].is_exceeded
    assert _counts(counters.count([OVERALL])) == [("overall-60", 4)]


def test_a_window_ends_and_the_next_begins_at_zero(counters):
    with time_machine.travel("2026-03-01T12:00:50Z", tick=False) as clock:
        found = counters.count([MINUTE])
        assert (found[0].count, found[0].reset_seconds) == (1, 10)
        clock.shift(9)
        assert counters.count([MINUTE])[0].count == 2
        clock.shift(1)
        found = counters.count([MINUTE])
        assert (found[0].count, found[0].reset_seconds) == (1, 60)


def test_nothing_to_count_is_nothing(counters):
    assert counters.count([]) == []


def test_threads_lose_no_count(counters):
    quota = Quota("overall-3600", "", Limit(10_000, 3600))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: counters.count([quota]), range(400)))
    assert counters.count([quota])[0].count == 401


def test_two_processes_count_together_in_redis(redis):
    one, other = RedisCounters(redis.url), RedisCounters(redis.url)
    one.count([MINUTE])
    assert other.count([MINUTE])[0].count == 2


def test_a_window_in_redis_is_forgotten_after_its_end(redis):
    import redis as client

    RedisCounters(redis.url).count([MINUTE, HOUR])
    with client.Redis.from_url(redis.url) as connection:
        left = sorted(connection.ttl(key) for key in connection.keys("newsflash:*"))
    assert 0 < left[0] <= 61
    assert 61 < left[1] <= 3601


def test_a_redis_that_is_gone_is_counted_without_and_taken_back(redis, monkeypatch):
    monkeypatch.setattr(store, "FIRST_REST_SECONDS", 0.0)
    counters = RedisCounters(redis.url)
    counters.count([MINUTE])
    redis.stop()
    assert [counters.count([MINUTE])[0].count for _ in range(4)] == [1, 2, 3, 4]
    redis.start()
    counters.count([MINUTE])
    assert RedisCounters(redis.url).count([MINUTE])[0].count == 2


def test_a_redis_that_never_answers_is_left_alone_after_one_try(monkeypatch):
    counters = RedisCounters("redis://127.0.0.1:1/0")
    tries = threading.local()
    tries.count = 0
    real = counters._script

    def script(*args):
        tries.count += 1
        return real(*args)

    monkeypatch.setattr(counters, "_script", script)
    for expected in range(1, 20):
        assert counters.count([OVERALL])[0].count == expected
    assert tries.count == 1


def test_memory_is_bounded_and_whoever_comes_late_shares_a_counter(monkeypatch):
    monkeypatch.setattr(store, "MAX_COUNTERS", 10)
    counters = MemoryCounters()
    for number in range(10):
        counters.count([Quota("client-60", str(number), Limit(3, 60))])
    assert counters.count([Quota("client-60", "late", Limit(3, 60))])[0].count == 1
    assert counters.count([Quota("client-60", "later", Limit(3, 60))])[0].count == 2
    assert counters.count([Quota("client-60", "4", Limit(3, 60))])[0].count == 2
