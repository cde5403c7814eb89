"""The words that a person agrees to: versioned, and never changed once they were shown."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.domain.consent import CONSENT_TEXT_VERSION
from service.domain.errors import InvalidInputError
from service.domain.lists.mailing_list import ListInfo
from service.domain.text import check_text

MAX_TEXT_LENGTH = 4000

_BUILT_IN = (
    "By subscribing, you agree {what} by email. We first send you one email to confirm. "
    "You can unsubscribe at any time with one click."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentText:
    """One version of a list's text in one language.

    `version` counts within the list, whatever the language: it alone names the exact words.
    """

    mailing_list_id: UUID
    locale: str
    version: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentText:
    """What a page shows. Without `text` it is the built-in one, in the page's own language."""

    version: str = CONSENT_TEXT_VERSION
    text: str | None = None


def built_in_text(info: ListInfo) -> str:
    """Return the words of version "1", as pages show them in English; catalogs translate them."""
    what = (
        f"that {info.controller} sends you {info.name}"
        if info.controller
        else f"to receive {info.name}"
    )
    return _BUILT_IN.format(what=what)


def choose_current(
    texts: Collection[ConsentText], *, locale: str | None, list_locale: str
) -> CurrentText:
    """Return the newest of a list's texts for a reader of this locale.

    That is one in the reader's locale, else in its language, else in the list's own; the built-in
    text where the list has none of these.
    """
    if not texts:
        return CurrentText()
    newest: Mapping[str, ConsentText] = {
        _tag(text.locale): text for text in sorted(texts, key=lambda each: int(each.version))
    }
    for wanted in (locale, _language(locale), list_locale, _language(list_locale)):
        if wanted is not None and (found := newest.get(_tag(wanted))) is not None:
            return CurrentText(version=found.version, text=found.text)
    return CurrentText()


def check_consent_text(text: str) -> str:
    """Return the text as it is kept, trimmed, with plain line ends; raise `InvalidInputError`."""
    check_text("text", text)
    kept = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if not kept:
        raise InvalidInputError("text", "Enter the consent text.")
    if len(kept) > MAX_TEXT_LENGTH:
        raise InvalidInputError("text", f"Use at most {MAX_TEXT_LENGTH} characters.")
    return kept


def _tag(locale: str) -> str:
    return locale.replace("_", "-").lower()


def _language(locale: str | None) -> str | None:
    return _tag(locale).partition("-")[0] if locale else None
