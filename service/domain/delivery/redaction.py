"""Text of another system, made safe to keep and to show.

What a mail API says about an error may quote the address that it is about, hold control
characters, or be megabytes long.
"""

import re
import unicodedata

MAX_LENGTH = 64
"""How many characters are kept: as many as the columns for codes have."""
MAX_NAME_LENGTH = 255
UNREADABLE = "unreadable"

_MAX_READ = 65_536
_AT = re.compile(r" ?(?:@|%40|&#0*64;|&#x0*40;|&commat;|\(at\)|\[at\]|\{at\}) ?", re.IGNORECASE)
_QUOTED_LOCAL_PART = re.compile(r'"[^"]*"@')
_TOKEN = re.compile(r'[^\s<>(){}\[\],;"]+')
_NAME = re.compile(r"[\x21-\x7e]{1,255}")


def redacted(value: object, *, limit: int = MAX_LENGTH) -> str:
    """Return 1 to `limit` printable characters of a text that another system wrote.

    Addresses become `[address]` and links `[link]`, in the common ways to disguise an "@" too.
    Control characters, NUL and lone surrogates are left out, white space is a single blank. A
    text without anything to show is `unreadable`.
    """
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    if len(text) > _MAX_READ:
        # The last word is cut off: nobody can tell whether an "@" would have followed.
        text = text[:_MAX_READ].rpartition(" ")[0]
    text = unicodedata.normalize("NFKC", "".join(map(_printable, text)))
    text = _AT.sub("@", " ".join(text.split()))
    text = _TOKEN.sub(_masked, _QUOTED_LOCAL_PART.sub("@", text))
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return text or UNREADABLE


def usable_name(value: object) -> str | None:
    """Return another system's name for something: visible ASCII, at most 255 characters.

    None for anything else. A name that was changed would no longer be equal to the one in an
    event, so it is kept whole or not at all.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    category = unicodedata.category(char)
    return "" if category in ("Cf", "Cs", "Co", "Cn") else " "


def _masked(match: re.Match[str]) -> str:
    token = match[0]
    if "@" in token:
        return "[address]"
    return "[link]" if "://" in token or token.lower().startswith("www.") else token
