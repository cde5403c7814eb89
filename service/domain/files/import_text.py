"""Text cells of a file: what is trimmed, what is replaced, and what cannot be stored.

An address, a name or a word with white space around it looks right on a page and is wrong to every
program that gets it afterwards. So no cell keeps any, and nothing of one line keeps a line break.
"""

import re
from collections.abc import Callable, Mapping

Cells = Mapping[str, str | None]

# Invisible, and no part of any word: soft hyphen, zero-width space, marks and overrides of
# direction, word joiners, byte order mark. Joiners stay: words and emoji need them.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\ufff9-\ufffb"
)
_UNSEEN = re.compile(f"[{_INVISIBLE}]")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_EDGES = "\u200c\u200d" + "".join(
    char for char in map(chr, range(0x10000)) if char.isspace() or _UNSEEN.match(char)
)

NO_TEXT = "has characters that are not UTF-8 text: save the file as UTF-8, or name its encoding"
REPLACED = "had line breaks or control characters, which are spaces now"


def is_clean(cells: Cells) -> bool:
    """Return, fast, whether no cell needs to be cleaned."""
    joined = "|".join(filter(None, cells.values()))
    # Printable are neither controls nor invisible characters nor any space but the usual one.
    return (
        joined.isprintable()
        and " |" not in joined
        and "| " not in joined
        and joined[:1] != " "
        and joined[-1:] != " "
    )


def trimmed(text: str) -> str:
    """Return the text without white space, controls and invisible characters around it."""
    return text.strip(_EDGES)


def one_line(text: str) -> tuple[str, bool]:
    """Return a text as one line, and whether anything but white space around it was replaced."""
    kept = trimmed(text)
    line = _UNSEEN.sub("", _CONTROLS.sub(" ", kept))
    return trimmed(line), line != kept


def word(text: str) -> str:
    """Return a word, a time or a name of ours as it is compared: single spaces, none around."""
    return " ".join(_UNSEEN.sub("", trimmed(text)).split())


CLEANERS: Mapping[str, Callable[[str], str]] = {"email": trimmed, "attributes": trimmed}
"""How columns are trimmed; `name` and `source` are made `one_line`, all others are a `word`."""

TEXT_COLUMNS = frozenset({"name", "source", "consent_source"})
