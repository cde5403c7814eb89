"""Pages of a list, and the cursors between them."""

from collections.abc import Sequence

import pytest

from service.domain.errors import InvalidInputError
from service.usecases.paging import BAD_CURSOR, Cursors, Page

NUMBERS = Cursors("numbers", read=int)


def page(limit: int, cursor: str | None = None, *, rows: Sequence[int] = range(5)) -> Page[int]:
    def after(key: int | None, count: int) -> Sequence[int]:
        return [each for each in rows if key is None or each > key][:count]

    return NUMBERS.page(after, limit=limit, cursor=cursor, key=lambda row: row)


@pytest.mark.parametrize("limit", range(1, 5))
def test_pages_hold_every_row_once_in_order(limit: int):
    seen: list[int] = []
    found = page(limit)
    while found.next_cursor is not None:
        seen += found.items
        found = page(limit, found.next_cursor)
    assert [*seen, *found.items] == list(range(5))


@pytest.mark.parametrize("limit", [5, 6, 200])
def test_a_page_that_holds_all_that_is_left_is_the_last(limit: int):
    assert page(limit) == Page(items=list(range(5)), next_cursor=None)
    assert page(2, NUMBERS.after(2)) == Page(items=[3, 4], next_cursor=None)


def test_after_the_last_row_there_is_an_empty_page():
    assert page(5, NUMBERS.after(4)) == page(5, rows=()) == Page(items=[], next_cursor=None)


def test_a_row_that_is_gone_leaves_its_place():
    assert page(2, NUMBERS.after(2), rows=(0, 1, 3, 4)).items == [3, 4]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "2",
        "numbers 2",
        "é",
        "\ud800",
        "====",
        "a" * 5000,
        NUMBERS.after(2) + "!",
        NUMBERS.after(2)[:-1],
        Cursors("letters", read=str).after("2"),
        Cursors("numbers", read=str).after("two"),
        Cursors("numbers", read=str).after("2 \0"),
    ],
)
def test_any_other_text_is_refused_in_one_sentence(cursor: str):
    with pytest.raises(InvalidInputError) as refused:
        page(1, cursor)
    assert (refused.value.field, str(refused.value)) == ("cursor", BAD_CURSOR)
