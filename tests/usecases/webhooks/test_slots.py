"""How calls to receivers are shared out."""

from uuid import UUID

import pytest

from service.usecases.webhooks.slots import SLOW_SECONDS, Running, Sizes, Slots

SIZES = Sizes(total=10, new=3, slow=2, per_receiver=4)


class Calls:
    """Slots, and a clock to move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slots = Slots(SIZES, clock=lambda: self.now)

    def free(self, receiver: int, *, is_failing: bool = False) -> int:
        return self.slots.free(UUID(int=receiver), is_failing=is_failing)

    def begin(self, receiver: int, *, is_failing: bool = False) -> Running:
        assert self.free(receiver, is_failing=is_failing) > 0
        return self.slots.begin(UUID(int=receiver), is_failing=is_failing)

    def prove(self, *receivers: int) -> None:
        for receiver in receivers:
            self.slots.end(self.begin(receiver), is_delivered=True)


@pytest.fixture
def calls() -> Calls:
    return Calls()


def test_a_new_receiver_gets_one_call(calls: Calls) -> None:
    assert calls.free(1) == 1
    call = calls.begin(1)
    assert calls.free(1) == 0
    calls.slots.end(call, is_delivered=None)
    assert calls.free(1) == 1


def test_one_that_answered_quickly_gets_several(calls: Calls) -> None:
    calls.prove(1)
    assert calls.free(1) == SIZES.per_receiver
    calls.begin(1)
    assert calls.free(1) == SIZES.per_receiver - 1


@pytest.mark.parametrize(("seconds", "is_delivered"), [(SLOW_SECONDS, True), (0.0, False)])
def test_one_that_was_slow_or_failed_gets_one(
    calls: Calls, seconds: float, is_delivered: bool
) -> None:
    calls.prove(1)
    call = calls.begin(1)
    calls.now += seconds
    calls.slots.end(call, is_delivered=is_delivered)
    assert calls.free(1) == 1


def test_one_with_a_call_that_hangs_gets_no_other(calls: Calls) -> None:
    calls.prove(1)
    calls.begin(1)
    calls.now += SLOW_SECONDS
    assert calls.free(1) == 0


def test_new_ones_leave_room_for_known_ones(calls: Calls) -> None:
    calls.prove(9)
    for receiver in range(1, 4):
        calls.begin(receiver)
    assert calls.free(4) == 0
    assert calls.free(9) == 4


def test_new_ones_that_hang_give_way_to_other_new_ones(calls: Calls) -> None:
    for receiver in range(1, 4):
        calls.begin(receiver)
    calls.now += SLOW_SECONDS
    assert calls.free(4) == 1
    assert calls.free(5, is_failing=True) == 0


def test_failing_ones_have_their_own_part(calls: Calls) -> None:
    calls.begin(1, is_failing=True)
    calls.begin(2, is_failing=True)
    assert calls.free(3, is_failing=True) == 0
    assert calls.free(4) == 1


def test_the_whole_is_never_exceeded(calls: Calls) -> None:
    calls.prove(1, 2, 3)
    for receiver in (1, 1, 1, 1, 2, 2, 2, 2):
        calls.begin(receiver)
    assert calls.free(3) == 2
    calls.begin(3)
    calls.begin(3)
    assert (calls.free(3), calls.free(4), calls.slots.free_in_all()) == (0, 0, 0)


def test_turns_go_round(calls: Calls) -> None:
    calls.begin(2)
    calls.begin(1)
    ids = [UUID(int=number) for number in (1, 2, 3)]
    assert calls.slots.in_turn(ids) == [ids[2], ids[1], ids[0]]
