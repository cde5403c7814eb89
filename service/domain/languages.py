"""Which texts name a language."""

import re

from service.domain.errors import InvalidInputError

LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
"""The usual tags of BCP 47, such as en or de-AT, and the same with underscores. To be matched as a
whole."""
NOT_A_TAG = "Use a language tag, such as en or de-AT."


def is_language_tag(text: str) -> bool:
    """Tell whether the text has the form of a language tag."""
    return LANGUAGE_TAG.fullmatch(text) is not None


def check_locale(text: str) -> None:
    """Raise `InvalidInputError` (locale) for what is no language tag."""
    if not is_language_tag(text):
        raise InvalidInputError("locale", NOT_A_TAG)
