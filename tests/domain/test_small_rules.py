"""Consent evidence, suppression, slugs and storable text: small rules."""

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.consent import IpPolicy, kept_ip
from service.domain.errors import InvalidInputError
from service.domain.lists.mailing_list import check_slug
from service.domain.subscription import MessageKind, SuppressionReason, blocks
from service.domain.text import MAX_DEPTH, check_json, check_text


@pytest.mark.parametrize(
    ("ip", "policy", "kept"),
    [
        ("203.0.113.77", IpPolicy.TRUNCATED, "203.0.113.0/24"),
        ("203.0.113.77", IpPolicy.FULL, "203.0.113.77"),
        ("203.0.113.77", IpPolicy.NONE, None),
        ("2001:db8:1:2:3:4:5:6", IpPolicy.TRUNCATED, "2001:db8:1::/48"),
        ("2001:db8:1:2:3:4:5:6", IpPolicy.FULL, "2001:db8:1:2:3:4:5:6"),
        ("::ffff:203.0.113.77", IpPolicy.TRUNCATED, "203.0.113.0/24"),
        ("::ffff:203.0.113.77", IpPolicy.FULL, "203.0.113.77"),
        ("203.0.113.77:4711", IpPolicy.FULL, "203.0.113.77"),
        ("[2001:db8:1:2:3:4:5:6]:4711", IpPolicy.TRUNCATED, "2001:db8:1::/48"),
        (None, IpPolicy.FULL, None),
        ("", IpPolicy.FULL, None),
        ("not an address", IpPolicy.TRUNCATED, None),
    ],
)
def test_the_ledger_keeps_what_the_policy_allows(
    ip: str | None, policy: IpPolicy, kept: str | None
):
    assert kept_ip(ip, policy) == kept


@pytest.mark.parametrize("reason", list(SuppressionReason))
@pytest.mark.parametrize("kind", list(MessageKind))
def test_only_the_erased_get_the_confirmation_they_ask_for(
    reason: SuppressionReason, kind: MessageKind
):
    lets_through = reason is SuppressionReason.ERASED and kind is MessageKind.CONFIRM
    assert blocks([reason], kind) is not lets_through
    assert not blocks([], kind)


def test_one_reason_that_blocks_is_enough():
    both = [SuppressionReason.ERASED, SuppressionReason.COMPLAINT]
    assert blocks(both, MessageKind.CONFIRM)


@pytest.mark.parametrize("slug", ["a", "news-flash", "a1", "0", "x" * 64])
def test_a_slug_is_what_a_url_holds_unescaped(slug: str):
    assert check_slug(slug) == slug


@pytest.mark.parametrize(
    "slug", ["", "-a", "a-", "A", "a b", "a/b", "ä", "x" * 65, "a\n", "..", "a_b"]
)
def test_any_other_slug_is_refused(slug: str):
    with pytest.raises(InvalidInputError) as refused:
        check_slug(slug)
    assert refused.value.field == "slug"


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "a\udfff"])
def test_text_that_no_database_keeps_is_refused(text: str):
    with pytest.raises(InvalidInputError) as refused:
        check_text("name", text)
    assert refused.value.field == "name"
    for value in ({"a": text}, {text: 1}, [text], {"a": [{"b": [text]}]}):
        with pytest.raises(InvalidInputError):
            check_json("attributes", value)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_numbers_that_json_does_not_know_are_refused(number: float):
    with pytest.raises(InvalidInputError):
        check_json("attributes", {"a": [number]})


def test_values_are_nested_to_a_bound():
    def nested(depth: int) -> object:
        value: object = 1
        for _ in range(depth):
            value = [value]
        return value

    check_json("attributes", nested(MAX_DEPTH - 1))
    for depth in (MAX_DEPTH, 1000):
        with pytest.raises(InvalidInputError):
            check_json("attributes", nested(depth))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_ordinary_values_are_kept(value: object):
    check_json("attributes", value)


def test_every_enum_value_fits_its_column():
    from service.domain.consent import ConsentKind
    from service.domain.delivery.retry import MessageStatus
    from service.domain.subscription import EndedReason, Status

    for kinds, width in (
        (ConsentKind, 16),
        (MessageStatus, 16),
        (Status, 16),
        (EndedReason, 32),
        (MessageKind, 32),
        (SuppressionReason, 16),
    ):
        assert len(kinds) > 1
        assert all(len(kind.value) <= width for kind in kinds)
        assert all(re.fullmatch(r"[a-z_]+", kind.value) for kind in kinds)


def test_the_domain_reads_no_clock():
    paths = list((Path(__file__).parents[2] / "service" / "domain").rglob("*.py"))
    assert len(paths) > 10
    for path in paths:
        assert "now()" not in path.read_text(), path.name
