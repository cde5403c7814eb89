"""The canonical form: RFC 8785's own examples, and what has none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.ledger.canonical import MAX_WHOLE, CanonicalError, canonical
from tests.ledger_checker import write

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_WHOLE, MAX_WHOLE) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
)


def test_members_are_sorted_by_utf_16_as_in_section_3_2_3():
    given = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonical(given)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_text_is_escaped_as_in_section_3_2_2_2():
    given = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/"
    assert canonical(given) == '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()


@given(value=values)
def test_it_gives_back_what_it_was_made_of_and_every_writer_agrees(value: object):
    made = canonical(value)
    assert json.loads(made) == value
    assert canonical(json.loads(made)) == made
    assert write(value).encode() == made


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), 2**53, {1: "a"}, "\ud800", {"\udfff": 1}, {1, 2}, b"x"]
)
def test_what_has_no_canonical_form_is_refused(value: object):
    with pytest.raises(CanonicalError):
        canonical([value])


def test_endless_nesting_is_refused():
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(CanonicalError):
        canonical(nested)
