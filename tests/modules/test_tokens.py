"""Signed links: what is ours is read back, whatever else is refused in one and the same way."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import Signer

from service.domain.errors import LinkError, LinkExpiredError, LinkForgedError
from service.domain.subscription import MAX_LISTS, LinkScope, SubscriptionRef
from service.tokens import CODE_DIGITS, VERSION, Tokens

OLD, NEW = "the-oldest-key-of-thirty-two-bytes", "the-newest-key-of-thirty-two-bytes"
AT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
CYCLES = LinkScope(UUID(int=1 << 90), (SubscriptionRef(UUID(int=7 << 80), 3),))
PURPOSES = ("confirm", "unsubscribe", "undo")

ids = st.uuids()
refs = st.lists(
    st.builds(SubscriptionRef, ids, st.integers(1, 65_535)), min_size=1, max_size=MAX_LISTS
)
scope = st.builds(lambda person, found: LinkScope(person, tuple(found)), ids, refs)
times = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def make(*keys: str) -> Tokens:
    return Tokens.from_keys(keys or (NEW,))


@given(wanted=scope, at=times, purpose=st.sampled_from(PURPOSES))
def test_a_link_gives_back_what_it_was_made_of(wanted: LinkScope, at: datetime, purpose: str):
    maker = getattr(make(), purpose)
    assert maker.read(maker.issue(wanted, at=at), now=at) == wanted


@given(wanted=scope, at=times)
def test_the_same_row_gives_the_same_link(wanted: LinkScope, at: datetime):
    later = at.replace(microsecond=999_999)
    assert make().confirm.issue(wanted, at=at) == make().confirm.issue(wanted, at=later)


@given(message_id=ids, other=ids, list_id=ids)
def test_status_links_have_one_length(message_id: UUID, other: UUID, list_id: UUID):
    status = make().status
    with_list = status.issue(message_id, list_id=list_id)
    assert status.read(status.issue(message_id)) == status.read(with_list) == message_id
    assert status.list_id(status.issue(message_id)) is None
    assert status.list_id(with_list) == (list_id if list_id.int else None)
    assert len(status.issue(message_id)) == len(status.issue(other)) == len(with_list)


def test_links_hold_no_character_that_a_url_or_a_mail_changes():
    link = make().unsubscribe.issue(CYCLES, at=AT)
    assert set(link) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@pytest.mark.parametrize("bit", range(7))
def test_every_flipped_bit_is_refused(bit: int):
    tokens = make()
    for purpose, link in (
        (tokens.confirm, tokens.confirm.issue(CYCLES, at=AT)),
        (tokens.status, tokens.status.issue(uuid4())),
    ):
        assert len(link) > 43
        for place, char in enumerate(link):
            flipped = link[:place] + chr(ord(char) ^ (1 << bit)) + link[place + 1 :]
            with pytest.raises(LinkForgedError):
                read(purpose, flipped)


@given(data=st.data(), char=st.characters())
def test_every_changed_inserted_or_dropped_character_is_refused(data: st.DataObject, char: str):
    tokens = make()
    link = tokens.confirm.issue(CYCLES, at=AT)
    place = data.draw(st.integers(0, len(link)))
    variants = {
        link[:place] + char + link[place:],
        link[:place] + char + link[place + 1 :],
        link[:place] + link[place + 1 :],
        link[:place],
    } - {link}
    for changed in variants:
        with pytest.raises(LinkForgedError):
            tokens.confirm.read(changed, now=AT)


@given(text=st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_is_a_forged_link_and_nothing_else(text: str):
    tokens = make()
    for purpose in (tokens.confirm, tokens.unsubscribe, tokens.undo, tokens.status):
        with pytest.raises(LinkForgedError):
            read(purpose, text)


@pytest.mark.parametrize("spelling", ["{}=", "{}==", " {}", "{}\n", "{}....", "!!!!{}", "{}!!!!"])
def test_another_spelling_of_the_same_bytes_is_refused(spelling: str):
    tokens = make()
    with pytest.raises(LinkForgedError):
        tokens.status.read(spelling.format(tokens.status.issue(uuid4())))


@pytest.mark.parametrize("made_for", PURPOSES)
@pytest.mark.parametrize("used_as", PURPOSES)
def test_a_link_serves_its_own_purpose_only(made_for: str, used_as: str):
    tokens = make()
    link = getattr(tokens, made_for).issue(CYCLES, at=AT)
    reader = getattr(tokens, used_as)
    if made_for == used_as:
        assert reader.read(link, now=AT) == CYCLES
    else:
        with pytest.raises(LinkForgedError):
            reader.read(link, now=AT)


def test_a_status_link_is_no_other_link_and_no_other_link_is_one():
    tokens = make()
    with pytest.raises(LinkForgedError):
        tokens.confirm.read(tokens.status.issue(uuid4()), now=AT)
    with pytest.raises(LinkForgedError):
        tokens.status.read(tokens.confirm.issue(CYCLES, at=AT))


def readings(tokens: Tokens) -> dict[str, Callable[[str], object]]:
    """Every way to read a token, by purpose."""
    links = ("confirm", "unsubscribe", "undo", "receipt")
    found: dict[str, Callable[[str], object]] = {
        name: partial(getattr(tokens, name).read, now=AT) for name in links
    }
    found |= {
        each.name: getattr(tokens, each.name).read
        for each in fields(tokens)
        if each.name not in links
    }
    return found | {
        "status": lambda token: (tokens.status.read(token), tokens.status.list_id(token))
    }


@given(
    purpose=st.sampled_from([each.name for each in fields(Tokens)]),
    version=st.sampled_from([b"", b"\0", bytes([VERSION]), bytes([VERSION + 1])]),
    rest=st.binary(max_size=100),
)
def test_a_signed_token_of_another_version_or_length_is_forged(
    purpose: str, version: bytes, rest: bytes
):
    """Such as one that was made by a newer or an older version of the service."""
    tokens = make()
    token = getattr(tokens, purpose)._sign(version + rest)
    if version == bytes([VERSION]):
        with suppress(LinkForgedError):
            assert readings(tokens)[purpose](token)
    else:
        with pytest.raises(LinkForgedError):
            readings(tokens)[purpose](token)


def itsdangerous(purpose: str) -> Signer:
    """Return what itsdangerous signs such tokens with."""
    salt = f"newsflash.{getattr(make(), purpose).salt}"
    return Signer([OLD, NEW], salt=salt, key_derivation="hmac", digest_method=sha256)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_tokens_are_signed_as_itsdangerous_signs(purpose: str):
    token = getattr(make(OLD, NEW), purpose).issue(CYCLES, at=AT)
    value = itsdangerous(purpose).unsign(token)
    assert itsdangerous(purpose).sign(value).decode() == token
    assert getattr(make(OLD, NEW), purpose).read(token, now=AT) == CYCLES


@given(purpose=st.sampled_from([each.name for each in fields(Tokens)]), signed=st.binary())
def test_what_is_signed_but_no_base64_is_forged(purpose: str, signed: bytes):
    tokens = make()
    token = itsdangerous(purpose).sign(signed).decode("latin-1")
    with suppress(LinkForgedError):
        readings(tokens)[purpose](token)


def test_old_keys_verify_and_the_newest_signs():
    old, both, new = make(OLD), make(OLD, NEW), make(NEW)
    assert both.confirm.read(old.confirm.issue(CYCLES, at=AT), now=AT) == CYCLES
    assert new.confirm.read(both.confirm.issue(CYCLES, at=AT), now=AT) == CYCLES
    with pytest.raises(LinkForgedError):
        new.confirm.read(old.confirm.issue(CYCLES, at=AT), now=AT)


def test_a_link_lives_until_its_age_is_over_and_not_longer():
    tokens, week = make(), timedelta(days=7)
    link = tokens.confirm.issue(CYCLES, at=AT)
    assert tokens.confirm.read(link, max_age=week, now=AT + week) == CYCLES
    with pytest.raises(LinkExpiredError):
        tokens.confirm.read(link, max_age=week, now=AT + week + timedelta(seconds=1))
    assert tokens.confirm.read(link, now=AT + timedelta(days=36_500)) == CYCLES


def test_an_expired_link_that_is_forged_is_called_forged():
    tokens = make()
    link = tokens.confirm.issue(CYCLES, at=AT)
    with pytest.raises(LinkForgedError):
        tokens.confirm.read(link[:-2] + "AA", max_age=timedelta(0), now=AT + timedelta(days=1))


@given(wanted=scope, at=times)
def test_a_code_is_six_digits_and_the_same_each_time(wanted: LinkScope, at: datetime):
    code = make().confirm.code(wanted, at=at)
    assert len(code) == CODE_DIGITS
    assert code.isascii()
    assert code.isdigit()
    assert make().confirm.code(wanted, at=at) == code


def test_a_code_outlives_a_change_of_keys_as_its_link_does():
    code = make(OLD).confirm.code(CYCLES, at=AT)
    rotated = make(OLD, NEW).confirm
    assert rotated.code(CYCLES, at=AT) != code
    assert rotated.is_code(code, CYCLES, at=AT)
    assert rotated.is_code(rotated.code(CYCLES, at=AT), CYCLES, at=AT)
    assert not make(NEW).confirm.is_code(code, CYCLES, at=AT)
    assert not rotated.is_code("", CYCLES, at=AT)


def test_codes_differ_by_mail_and_by_key():
    codes = {
        make(key).confirm.code(CYCLES, at=AT + timedelta(seconds=second))
        for key in (OLD, NEW)
        for second in range(50)
    }
    assert len(codes) > 95


def read(purpose: object, link: str) -> object:
    """Read with any purpose; errors of another kind than a link's come through as they are."""
    try:
        if type(purpose).__name__ == "StatusTokens":
            return purpose.read(link)  # type: ignore[attr-defined]
        return purpose.read(link, now=AT)  # type: ignore[attr-defined]
    except LinkError:
        raise
