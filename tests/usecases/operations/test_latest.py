"""Figures are counted by one thread at a time, and nobody queues up behind it."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import time_machine

from service.domain.errors import UnavailableError
from service.usecases.operations import latest
from service.usecases.operations.latest import Latest


class Counting:
    """Counts only when it is let."""

    def __init__(self) -> None:
        self.count = 0
        self.begun = threading.Semaphore(0)
        self.let = threading.Semaphore(0)
        self.error: Exception | None = None

    def __call__(self, _key: str) -> int:
        self.begun.release()
        assert self.let.acquire(timeout=20)
        if self.error is not None:
            raise self.error
        self.count += 1
        return self.count


@pytest.fixture
def counting() -> Counting:
    return Counting()


def begin(pool: ThreadPoolExecutor, figures: Latest[str, int], key: str = "a") -> Future[int]:
    return pool.submit(figures.get, key)


def test_while_one_counts_others_get_the_last_figure(counting: Counting):
    figures = Latest(counting, seconds=0)
    with ThreadPoolExecutor() as pool:
        counting.let.release()
        assert begin(pool, figures).result(20) == 1
        counting.begun.acquire()
        slow = begin(pool, figures)
        assert counting.begun.acquire(timeout=20)
        assert [figures.get("a") for _ in range(20)] == [1] * 20
        counting.let.release()
        assert slow.result(20) == 2
    assert counting.count == 2


def test_of_the_first_count_one_waits_and_the_others_are_sent_away(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
):
    figures = Latest(counting, seconds=60)
    with ThreadPoolExecutor() as pool:
        slow = begin(pool, figures)
        assert counting.begun.acquire(timeout=20)
        second = begin(pool, figures)
        while figures._waiting < 1:
            threading.Event().wait(0.001)
        for _ in range(20):
            with pytest.raises(UnavailableError):
                figures.get("a")
        counting.let.release()
        assert (slow.result(20), second.result(20)) == (1, 1)
    assert figures.get("a") == 1


def test_few_different_figures_are_counted_at_once(counting: Counting):
    figures = Latest(counting, seconds=60)
    with ThreadPoolExecutor() as pool:
        running = [begin(pool, figures, str(number)) for number in range(latest.COUNTS_AT_ONCE)]
        for _ in running:
            assert counting.begun.acquire(timeout=20)
        with pytest.raises(UnavailableError):
            figures.get("other")
        for _ in range(len(running) + 1):
            counting.let.release()
        assert {each.result(20) for each in running} == {1, 2}
        assert figures.get("other") == 3


def test_a_fault_goes_to_those_who_wait_and_the_next_one_counts_again(counting: Counting):
    figures = Latest(counting, seconds=60)
    counting.error = ValueError("no")
    counting.let.release()
    with pytest.raises(ValueError, match="no"):
        figures.get("a")
    counting.error = None
    counting.let.release()
    assert figures.get("a") == 1


def test_a_figure_is_kept_for_its_time_and_not_for_ever(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(latest, "KEPT", 2)
    figures = Latest(counting, seconds=60)
    for _ in range(5):
        counting.let.release()
    with time_machine.travel(0, tick=False):
        assert [figures.get(key) for key in ("a", "b", "a", "b", "c", "a")] == [1, 2, 1, 2, 3, 4]
