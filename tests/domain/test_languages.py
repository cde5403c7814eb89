"""Which texts are language tags."""

import pytest

from service.domain.errors import InvalidInputError
from service.domain.languages import check_locale, is_language_tag


@pytest.mark.parametrize(
    "text", ["en", "EN", "deu", "de-AT", "de_AT", "zh-Hant-TW", "de-CH-1901", "ca-valencia"]
)
def test_a_language_tag(text: str):
    assert is_language_tag(text)
    check_locale(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "e",
        "engl",
        "de-",
        "de-A",
        "de--AT",
        "de-AT ",
        "de\n",
        "de-ÄT",
        "German",
        "de.AT",
        "de-abcdefghi",
        "de-a1-b2-c3-d4",
    ],
)
def test_no_language_tag(text: str):
    assert not is_language_tag(text)
    with pytest.raises(InvalidInputError, match="language tag") as refused:
        check_locale(text)
    assert refused.value.field == "locale"
