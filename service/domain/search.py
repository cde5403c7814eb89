"""The form of a text in which letter case, accents and spelling variants do not matter.

Both databases search in it: SQLite by calling `search_form`, PostgreSQL by a function of the same
name (made by a migration), because neither folds case beyond ASCII in every locale.
"""

import re
import unicodedata

from service.domain.letters import ascii_lower

_MARKS = re.compile("[\u0300-\u036f]")
_CAPITALS = "".join(
    chr(point)
    for point in (*range(0x391, 0x3AA), *range(0x402, 0x430))  # Greek and Cyrillic
    if chr(point).isalpha()
)
_LETTERS = str.maketrans(
    _CAPITALS + "\u03c2ØøŁłĐđÐðĦħ\u0131Ŋŋ", _CAPITALS.lower() + "\u03c3oollddddhhinn"
)
_PAIRS = (
    ("ß", "ss"),
    ("ẞ", "ss"),
    ("æ", "ae"),
    ("Æ", "ae"),
    ("œ", "oe"),
    ("Œ", "oe"),
    ("þ", "th"),
    ("Þ", "th"),
)


def search_form(text: str) -> str:
    """Return the text in lower case and without accents: `Dvořák` becomes `dvorak`.

    Composed and decomposed input (NFC, NFD) come to the same, and so do full-width letters.
    """
    plain = ascii_lower(_MARKS.sub("", unicodedata.normalize("NFKD", text)))
    for letter, pair in _PAIRS:
        plain = plain.replace(letter, pair)
    return plain.translate(_LETTERS)
