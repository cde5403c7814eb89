"""Cursors of keyset pages: opaque to whoever gets them, the last row's key to us."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from service.domain.errors import InvalidInputError


def cursor_of(*key: object) -> str:
    """Return the cursor that stands after the row with this key."""
    text = " ".join(str(part) for part in key)
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def key_of(cursor: str, *, parts: int) -> tuple[str, ...]:
    """Return the key in a cursor; raise `InvalidInputError` for one that is not ours."""
    try:
        text = urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
    except ValueError:
        text = ""
    key = tuple(text.split(" "))
    if len(key) != parts or "\0" in text:
        raise InvalidInputError("cursor", "Use next_cursor of the page before.")
    return key


def id_of(cursor: str) -> UUID:
    """Return the id in a cursor; raise `InvalidInputError` for one that is not ours."""
    try:
        return UUID(key_of(cursor, parts=1)[0])
    except ValueError:
        raise InvalidInputError("cursor", "Use next_cursor of the page before.") from None
