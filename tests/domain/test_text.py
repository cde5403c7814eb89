"""What text and which times can be kept."""

from datetime import UTC, datetime

import pytest

from service.domain.text import in_utc, is_storable


@pytest.mark.parametrize("text", ["", "Zoë", "\U0001f4a5", "\ue000", "\uffff", "\x01\x7f"])
def test_text_that_databases_keep(text):
    assert is_storable(text)


@pytest.mark.parametrize("code", [0, 0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_text_that_they_do_not(code):
    assert not is_storable(chr(code))
    assert not is_storable(f"a{chr(code)}z")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("0001-01-01T00:00:00+00:00", datetime(1, 1, 1, tzinfo=UTC)),
        ("0001-01-01T14:00:00+14:00", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T09:59:59-14:00", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_moments_at_both_ends_of_the_calendar(text, utc):
    assert in_utc(datetime.fromisoformat(text)) == utc


@pytest.mark.parametrize("text", ["0001-01-01T13:59:59+14:00", "9999-12-31T10:00:00-14:00"])
def test_moments_beyond_them(text):
    with pytest.raises(ValueError, match="calendar"):
        in_utc(datetime.fromisoformat(text))
