"""Which keys a database takes for its own while they stay, are changed, or are lost."""

from service.domain.access.database_keys import (
    GivenKey,
    belongs,
    fingerprint,
    knows_the_newest,
    remembered,
)


def given(current: str, *earlier: str, fixed: bool = False) -> GivenKey:
    return GivenKey(
        name="K", current=current, earlier=earlier, fallbacks=None if fixed else "K_FALLBACKS"
    )


def test_a_fingerprint_is_of_one_key_under_one_name_and_shows_neither():
    first = fingerprint("SECRET_KEY", b"k" * 32)
    assert first == fingerprint("SECRET_KEY", b"k" * 32)
    assert len(first) == 32
    others = {
        fingerprint("SECRET_KEY", b"k" * 31 + b"l"),
        fingerprint("ADDRESS_HASH_KEY", b"k" * 32),
    }
    assert len({first, *others}) == 3


def test_a_database_that_knows_no_key_takes_the_first():
    assert belongs(given("a"), [])
    assert remembered(given("a"), []) == ("a",)


def test_another_key_does_not_belong():
    assert belongs(given("a"), ["a"])
    assert not belongs(given("b"), ["a"])
    assert not belongs(given("b", "c"), ["a"])


def test_a_new_key_belongs_where_it_names_the_old_one():
    assert belongs(given("b", "a"), ["a"])
    assert remembered(given("b", "a"), ["a"]) == ("a", "b")


def test_while_a_key_is_changed_both_belong_and_neither_undoes_the_other():
    known = remembered(given("b", "a"), ["a"])
    for _ in range(2):
        for machine in (given("a"), given("a", "b"), given("b", "a")):
            assert belongs(machine, known)
            assert remembered(machine, known) == known


def test_a_machine_without_the_newest_key_is_behind():
    assert not knows_the_newest(given("a"), ["a", "b"])
    assert knows_the_newest(given("a", "b"), ["a", "b"])
    assert knows_the_newest(given("b"), ["a", "b"])
    assert knows_the_newest(given("a"), [])


def test_an_old_key_is_over_once_who_signs_with_the_newest_names_it_no_more():
    known = remembered(given("b"), ["a", "b"])
    assert known == ("b",)
    assert not belongs(given("a"), known)


def test_a_change_can_be_taken_back():
    assert belongs(given("a", "b"), ["b"])
    assert remembered(given("a", "b"), ["b"]) == ("b", "a")


def test_two_changes_in_a_row_keep_what_still_counts():
    assert remembered(given("c", "b", "a"), ["a", "b"]) == ("a", "b", "c")
    assert remembered(given("c", "b"), ["a", "b"]) == ("b", "c")
