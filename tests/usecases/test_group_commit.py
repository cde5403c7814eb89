"""Group commit: everyone is answered, alone to blame for their own fault, and never lost."""

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
)

from service.usecases.group_commit import MAX_GROUP, GroupCommit

WAIT_SECONDS = 20


class Work:
    """Work that can be held up, so that others gather behind it, and that notes its groups."""

    def __init__(self, fail: Callable[[Sequence[int]], BaseException | None] = lambda _: None):
        self.groups: list[list[int]] = []
        self.is_open = threading.Event()
        self.has_begun = threading.Event()
        self.overlaps = 0
        self._running = threading.Lock()
        self._fail = fail

    def __call__(self, items: Sequence[int]) -> list[str]:
        if not self._running.acquire(blocking=False):
            self.overlaps += 1
            raise AssertionError("two transactions at once")
        try:
            self.groups.append(list(items))
            self.has_begun.set()
            assert self.is_open.wait(WAIT_SECONDS)
            if (error := self._fail(items)) is not None:
                raise error
            return [f"done {item}" for item in items]
        finally:
            self._running.release()


def gathered(
    work: Work, items: Sequence[int], key: Callable[[int], Any] = lambda item: item
) -> list[str | BaseException]:
    """Submit the first item, hold it, let the rest gather behind it in order, then let all go."""
    commits = GroupCommit(work, key=key)
    results: list[str | BaseException] = [KeyError("no answer")] * len(items)

    def submit(place: int) -> None:
        try:
            results[place] = commits.submit(items[place])
        except BaseException as error:  # noqa: BLE001 - what the caller gets is what is tested
            results[place] = error

    threads = [threading.Thread(target=submit, args=(place,)) for place in range(len(items))]
    threads[0].start()
    assert work.has_begun.wait(WAIT_SECONDS)
    for place, thread in enumerate(threads[1:], start=1):
        thread.start()
        wait_until(partial(_holds, commits, place))
    work.is_open.set()
    for thread in threads:
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive(), "a caller was never woken"
    return results


def _holds(commits: GroupCommit[int, str], count: int) -> bool:
    return len(commits._waiting) >= count


def wait_until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(WAIT_SECONDS * 1000):
        if is_so():
            return
        pause.wait(0.001)
    pytest.fail("it never came to be")


def database_error(kind: type) -> BaseException:
    error: BaseException = kind("statement", {}, Exception("driver"))
    return error


def test_a_lone_item_starts_at_once_and_alone():
    work = Work()
    work.is_open.set()
    assert GroupCommit(work, key=lambda item: item).submit(1) == "done 1"
    assert work.groups == [[1]]


def test_those_who_wait_share_the_next_transaction():
    work = Work()
    assert gathered(work, range(10)) == [f"done {item}" for item in range(10)]
    assert work.groups == [[0], list(range(1, 10))]


def test_the_lead_is_handed_over_and_ends():
    work = Work()
    commits = GroupCommit(work, key=lambda item: item)
    work.is_open.set()
    for item in range(3):
        assert commits.submit(item) == f"done {item}"
    assert work.groups == [[0], [1], [2]]


def test_a_group_is_bounded():
    work = Work()
    gathered(work, range(2 * MAX_GROUP + 2))
    assert [len(group) for group in work.groups] == [1, MAX_GROUP, MAX_GROUP, 1]


def test_items_of_one_key_never_share_a_transaction():
    work = Work()
    results = gathered(work, [0, 10, 11, 20, 12, 30], key=lambda item: item // 10)
    assert results == ["done 0", "done 10", "done 11", "done 20", "done 12", "done 30"]
    assert work.groups == [[0], [10, 20, 30], [11], [12]]


def test_a_failing_item_fails_alone():
    work = Work(lambda items: ValueError("three") if 3 in items else None)
    results = gathered(work, range(6))
    assert isinstance(results[3], ValueError)
    assert [result for place, result in enumerate(results) if place != 3] == [
        f"done {item}" for item in range(6) if item != 3
    ]
    assert work.groups == [[0], [1, 2, 3, 4, 5], [1], [2], [3], [4], [5]]


def test_each_caller_gets_the_error_of_its_own_item():
    work = Work(lambda items: ValueError(str(items[-1])) if items != [0] else None)
    results = gathered(work, range(4))
    assert [str(result) for result in results] == ["done 0", "1", "2", "3"]


@pytest.mark.parametrize("kind", [DataError, IntegrityError])
def test_an_error_about_the_data_is_looked_for_item_by_item(kind: type):
    work = Work(lambda items: database_error(kind) if 2 in items else None)
    results = gathered(work, range(4))
    assert isinstance(results[2], kind)
    assert [results[0], results[1], results[3]] == ["done 0", "done 1", "done 3"]


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError, InternalError])
def test_a_fault_of_the_database_is_not_tried_again_item_by_item(kind: type):
    error = database_error(kind)
    work = Work(lambda items: error if len(items) > 1 else None)
    results = gathered(work, range(5))
    assert results[0] == "done 0"
    assert results[1:] == [error] * 4
    assert work.groups == [[0], [1, 2, 3, 4]]


def test_a_signal_in_the_leader_reaches_everyone_and_leaves_the_rest_working():
    work = Work(lambda items: KeyboardInterrupt() if 1 in items else None)
    commits_after = gathered(work, range(3))
    assert commits_after[0] == "done 0"
    assert all(isinstance(result, KeyboardInterrupt) for result in commits_after[1:])


def test_work_that_answers_too_little_is_an_error_for_everyone():
    commits: GroupCommit[int, str] = GroupCommit(lambda _items: [], key=lambda item: item)
    with pytest.raises(ValueError, match="zip"):
        commits.submit(1)
    with pytest.raises(ValueError, match="zip"):
        commits.submit(2)


def test_after_a_failure_the_next_item_is_served():
    fails = [True]

    def work(items: Sequence[int]) -> list[int]:
        if fails.pop() if fails else False:
            raise OSError("once")
        return list(items)

    commits = GroupCommit(work, key=lambda item: item)
    with pytest.raises(OSError, match="once"):
        commits.submit(1)
    assert commits.submit(2) == 2


@pytest.mark.parametrize("seed", range(3))
def test_under_stress_nobody_is_lost_and_each_item_is_done_once(seed: int):
    done: list[int] = []
    chance = random.Random(seed)
    running = threading.Lock()

    def work(items: Sequence[int]) -> list[int]:
        assert running.acquire(blocking=False), "two transactions at once"
        try:
            assert len({item % 7 for item in items}) == len(items)
            if len(items) > 1 and chance.random() < 0.2:
                raise ValueError("the group")
            if any(item % 50 == 13 for item in items):
                raise RuntimeError("the item")
            done.extend(items)
            return [-item for item in items]
        finally:
            running.release()

    commits = GroupCommit(work, key=lambda item: item % 7)

    def submit(item: int) -> int | str:
        try:
            return commits.submit(item)
        except RuntimeError as error:
            return str(error)

    with ThreadPoolExecutor(24) as pool:
        results = list(pool.map(submit, range(3000), timeout=60))
    bad = [item for item in range(3000) if item % 50 == 13]
    assert [item for item, result in enumerate(results) if result == "the item"] == bad
    assert all(results[item] == -item for item in range(3000) if item not in bad)
    assert sorted(done) == [item for item in range(3000) if item not in bad]


@pytest.mark.parametrize(("sqlstate", "times"), [("40P01", 2), ("40001", 2), ("57014", 1)])
def test_a_group_that_was_in_anothers_way_is_tried_once_more_as_a_whole(sqlstate: str, times: int):
    lost: Any = Exception("lost")
    lost.sqlstate = sqlstate
    tried: list[list[int]] = []

    def work(items: Sequence[int]) -> list[int]:
        tried.append(list(items))
        if len(tried) == 1:
            raise OperationalError("x", None, lost)
        return [0 for _ in items]

    commits = GroupCommit(work, key=lambda item: item)
    if times == 1:
        with pytest.raises(OperationalError):
            commits.submit(7)
    else:
        assert commits.submit(7) == 0
    assert tried == [[7]] * times


def test_a_race_that_is_lost_twice_is_told():
    lost: Any = Exception("lost")
    lost.sqlstate = "40P01"
    work = Work(lambda _: OperationalError("x", None, lost))
    work.is_open.set()
    with pytest.raises(OperationalError):
        GroupCommit(work, key=lambda item: item).submit(1)
    assert work.groups == [[1], [1]]
