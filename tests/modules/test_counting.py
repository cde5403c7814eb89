"""Numbers that processes share: each writes its own row, and each shows the sums."""

import multiprocessing

from service.counting import BUCKETS, POOL_USED, Group, Numbers

HITS = ("hits",)


def add_in(row: int, numbers: Numbers) -> None:
    numbers.use_row(row)
    for _ in range(1000):
        numbers.add(HITS)


def test_processes_that_are_forked_add_up_and_survive_each_other() -> None:
    numbers = Numbers([HITS], rows=3)
    fork = multiprocessing.get_context("fork")
    for _ in range(2):  # the second time they are started again
        processes = [fork.Process(target=add_in, args=(row, numbers)) for row in range(3)]
        for each in processes:
            each.start()
        for each in processes:
            each.join()
            assert each.exitcode == 0
    assert numbers.totals() == {HITS: 6000}


def test_what_stands_for_a_moment_begins_at_zero_with_each_process() -> None:
    numbers = Numbers(rows=2)
    numbers.use_row(1)
    numbers.set((POOL_USED,), 7)
    numbers.add(("signups", "taken"))
    numbers.use_row(1)
    totals = numbers.totals()
    assert (totals[(POOL_USED,)], totals["signups", "taken"]) == (0, 1)


def test_a_request_falls_into_the_first_bucket_that_is_not_shorter() -> None:
    for seconds, bucket in ((0.0, 0), (BUCKETS[0], 0), (0.0051, 1), (30.0, 11), (31.0, 12)):
        numbers = Numbers(rows=1)
        numbers.observe(Group.API, 503, seconds)
        totals = numbers.totals()
        assert {key for key, value in totals.items() if value and key[0] != "seconds"} == {
            ("requests", "api", "5xx"),
            ("bucket", "api", str(bucket)),
        }
