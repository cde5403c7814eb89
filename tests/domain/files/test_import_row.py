"""The import reads addresses by a shorter way that must lead to the same place."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.address import Address, parse_address
from service.domain.errors import AddressError, InvalidInputError
from service.domain.files.import_row import parse_import_row
from service.domain.files.import_text import trimmed

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PARTS = st.text("aZ0_+-.@ é\u0131'\"=?", max_size=8)
DOMAINS = st.sampled_from(
    [
        "example.org",
        "Example.ORG",
        "bücher.example",
        "localhost",
        "a..b",
        "-a.org",
        "x" * 250 + ".org",
    ]
)


def read(text: str) -> Address | None:
    with suppress(InvalidInputError):
        return parse_import_row({"email": text}, now=NOW).address
    return None


@given(st.one_of(PARTS, st.text(max_size=70)), st.one_of(DOMAINS, PARTS))
def test_an_address_in_a_file_is_read_as_a_signup_reads_it(local: str, domain: str):
    text = f"{local}@{domain}"
    expected = None
    with suppress(AddressError):
        expected = parse_address(trimmed(text))
    assert read(text) == expected


@pytest.mark.parametrize("local", ["a" * 64, "a" * 65, "a.b", ".a", "a.", "a..b", "A+b_c-d", ""])
@pytest.mark.parametrize("domain", ["example.org", "EXAMPLE.org", "a" * 63 + ".org", "e.", ""])
def test_the_limits_are_the_same(local: str, domain: str):
    text = f"{local}@{domain}"
    expected = None
    with suppress(AddressError):
        expected = parse_address(text)
    assert read(text) == expected


@pytest.mark.parametrize("local", ["=?utf-8?q?=0a?=", "a=?b", "=?"])
def test_an_encoded_word_is_refused_here_too(local: str):
    assert read(f"{local}@example.org") is None
    assert read(f"{local.replace('=?', '=')}@example.org") is not None
