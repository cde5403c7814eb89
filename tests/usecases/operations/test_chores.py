"""Jobs beside each other: one that waits or fails holds up no other."""

import threading

import pytest

from service.usecases.operations.chores import Chore, Chores

PATIENCE = 10.0


def chore(run, **more) -> Chore:
    return Chore(name="test", run=run, every_seconds=1000, **more)


def test_one_that_hangs_or_fails_holds_up_no_other():
    stop, let_go, done = threading.Event(), threading.Event(), threading.Event()

    def hang() -> int:
        let_go.wait(PATIENCE)
        return 0

    def fail() -> int:
        raise RuntimeError

    def work() -> int:
        done.set()
        return 0

    chores = Chores([chore(hang), chore(fail), chore(work)])
    chores.start(stop)
    assert done.wait(PATIENCE)
    stop.set()
    let_go.set()
    chores.join()


def test_one_that_goes_on_by_itself_ends_with_the_worker():
    stop, begun = threading.Event(), threading.Event()

    def go_on(until: threading.Event) -> None:
        begun.set()
        until.wait(PATIENCE)

    chores = Chores([chore(lambda: 0, run_until=go_on)])
    chores.start(stop)
    assert begun.wait(PATIENCE)
    stop.set()
    chores.join()


def test_draining_runs_all_though_one_fails():
    left, met = [3, 2, 1, 0], threading.Barrier(2)

    def fail() -> int:
        met.wait(PATIENCE)
        raise RuntimeError

    def work() -> int:
        if left[0] == 3:
            met.wait(PATIENCE)  # the two are under way at once
        return left.pop(0)

    with pytest.raises(RuntimeError):
        Chores([chore(fail), chore(work)]).run_all_once()
    assert left == []


def test_no_chores_are_no_fault():
    Chores([]).run_all_once()
