"""What a word in a status column means here, and words that mean "do not email" in any file.

A word that nobody explained never confirms anybody. One that looks like leaving, a bounce or a
complaint is honoured as that.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum

from service.domain.subscription import EndedReason, Status


class Meaning(StrEnum):
    """What a word says about a person, from the weakest to the strongest."""

    CONFIRMED = "confirmed"
    """Subscribed. Without evidence the person is asked to confirm."""
    PENDING = "pending"
    """Signed up and did not confirm. Not emailed."""
    SKIPPED = "skipped"
    """Never subscribed: the row is not imported."""
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


_STRENGTH = {meaning: number for number, meaning in enumerate(Meaning)}

ENDED = {
    Meaning.UNSUBSCRIBED: EndedReason.IMPORTED,
    Meaning.BOUNCED: EndedReason.HARD_BOUNCE,
    Meaning.COMPLAINED: EndedReason.COMPLAINT,
}
"""The reasons of the meanings that end a subscription."""

_PLAIN = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "\u0131": "i", "æ": "ae"}
)
_NOT_A_LETTER = re.compile(r"[\W_]+")

# Stems after `plain`, in English, German, French, Spanish, Italian, Portuguese, Dutch, the
# Scandinavian languages, Polish, Czech, Turkish, Russian, Chinese and Japanese.
_COMPLAINED = re.compile(
    r"complain|\bspam|\babuse|beschwer|plainte|\bqueja|\bdenuncia|reclam|klacht|жалоб|投诉|苦情"
)
_BOUNCED = re.compile(
    r"bounce|undeliver|unzustellbar|non? delivr|npai|rebot|rimbalz|respint|\bcleaned|bereinigt"
    r"|nettoye|unreachable|unerreichbar|malformed|invalid|ungultig|ungueltig|ongeldig|nieprawidl"
    r"|недостав|退信"
)
_LEFT = re.compile(
    r"unsub|\bopt(ed)? ?out|\boptout|\bsigned out|\bsubscription ended|\bleft\b|\bquit\b"
    r"|\bdo not|\bdont\b|\bdon t\b|\bdnc\b|\bremoved|\bdeleted|\bblock(ed|list)|\bblack ?list"
    r"|\bbanned|suppress|\brevoked|\bwithdr[ae]w|\bcancel|\bdeclined|\brefused|\brejected"
    r"|\bdenied|\bstopped|\bexcluded|\bobjected"
    r"|abgemeldet|abmeld|abbestell|ausgetrag|austrag|ausgetret|geloscht|geloescht|gesperrt|blockiert"
    r"|widerruf|gekundigt|gekuendigt|abgelehnt"
    r"|desinscri|desabonn|resili|supprime|bloqu|refuse|retire"
    r"|\bbaja\b|desuscri|dado de baja|cancelad|eliminad|borrad|rechazad"
    r"|disiscri|cancellat|annullat|eliminat|bloccat|revocat|rifiutat"
    r"|descadastr|desinscr|removid|excluid"
    r"|uitgeschreven|afgemeld|opgezegd|verwijderd|geblokkeerd"
    r"|avregistr|avanmal|avprenumer|afmeldt|avmeldt|slettet|raderad"
    r"|wypisan|odhlas|zrusen|usunie|zablokow|ayril|abonelikten cik"
    r"|perut|leiratk|dezabon|iptal|\bformer|\bresigned|\bex (subscriber|member)"
    r"|구독 ?취소|수신 ?거부|해지|إلغاء|διαγραφ"
    r"|отпис|удален|заблок|退订|取消|配信停止|解除|解約"
)
_NEGATED = re.compile(r"^(not?|never|nicht|kein|non|pas|jamais|nie|niet|nunca|mai)\b")
_NO_LONGER = re.compile(
    r"^(no longer|nicht (mehr|langer|laenger)|(ne )?plus (abonne|inscrit)e?|ya no|non piu"
    r"|niet (meer|langer))\b"
)
"""Begins with a negation, and says that somebody was there and left."""
_SOFT = re.compile(r"\bsoft")


def plain(text: str) -> str:
    """Return the text in lower case without accents and signs, for comparing."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    # Hangul is composed once more: its syllables are no letters with accents.
    return _NOT_A_LETTER.sub(" ", unicodedata.normalize("NFC", letters).casefold()).strip()


def word_key(word: str | None) -> str:
    """Return under what a word is kept in a table of words."""
    return " ".join((word or "").casefold().split())


def looks_like(word: str) -> Meaning | None:
    """Return what a word that nobody explained means if it must not be emailed; else None."""
    text = plain(word)
    if _NO_LONGER.search(text):
        return Meaning.UNSUBSCRIBED
    if _NEGATED.search(text):
        return None
    for pattern, meaning in (
        (_COMPLAINED, Meaning.COMPLAINED),
        (_BOUNCED, Meaning.BOUNCED),
        (_LEFT, Meaning.UNSUBSCRIBED),
    ):
        if pattern.search(text) and not (meaning is Meaning.BOUNCED and _SOFT.search(text)):
            return meaning
    return None


OWN_WORDS: Mapping[str, Meaning] = {
    "": Meaning.PENDING,
    **{meaning.value: meaning for meaning in Meaning if meaning is not Meaning.SKIPPED},
}
"""What words in a status column mean where no tool has its own."""


ANY_WORD = "*"
"""In a table of words: what all the others mean."""


def explained(word: str, words: Mapping[str, Meaning], *, is_of_tool: bool) -> Meaning | None:
    """Return what a word in a status column means, by its `word_key`; None where nobody knows."""
    found = words.get(word) or words.get(ANY_WORD)
    if found is None and not is_of_tool:
        found = OWN_WORDS.get(word)
    return found or looks_like(word)


def strongest(meanings: Iterable[Meaning]) -> Meaning:
    """Return which of several meanings counts: what keeps a person from being emailed."""
    return max(meanings, key=_STRENGTH.__getitem__)


def status_of(meaning: Meaning) -> tuple[Status, EndedReason | None]:
    """Return the status and the reason of its end. `SKIPPED` has none: raises `ValueError`."""
    if meaning in ENDED:
        return Status.UNSUBSCRIBED, ENDED[meaning]
    return Status(meaning.value), None
