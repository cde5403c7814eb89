"""Pages of a list, and the cursors that lead from one to the next.

A cursor is opaque to the caller. To us it is the list's name and the key of the last row that
was shown, so that a cursor of another list is refused, not taken for a place in this one.
"""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.domain.errors import InvalidInputError

BAD_CURSOR = (
    "This cursor is not valid here. Use next_cursor of the page before, or leave it out to begin "
    "at the first page."
)
Item = TypeVar("Item")
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """Some rows of a list; `next_cursor` is None on the last page."""

    items: Sequence[Item]
    next_cursor: str | None


class Cursors(Generic[Key]):
    """The cursors of one list, which is ordered by a key that no two rows share."""

    def __init__(
        self, name: str, *, read: Callable[[str], Key], write: Callable[[Key], str] = str
    ) -> None:
        """`write` turns a key into text and `read` back; for other text `read` raises `ValueError`.

        `name` is the list's, without spaces.
        """
        self._name = name
        self._read = read
        self._write = write

    def after(self, key: Key) -> str:
        """Return the cursor that stands after the row with this key."""
        text = f"{self._name} {self._write(key)}"
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def key_of(self, cursor: str | None) -> Key | None:
        """Return the key in a cursor, None where there is no cursor.

        Raises `InvalidInputError` for a cursor that is not of this list.
        """
        if cursor is None:
            return None
        try:
            padded = cursor.encode() + b"=" * (-len(cursor) % 4)
            name, _, text = b64decode(padded, altchars=b"-_", validate=True).decode().partition(" ")
            if name == self._name:
                return self._read(text)
        except (ValueError, OverflowError):
            pass
        raise InvalidInputError("cursor", BAD_CURSOR)

    def page(
        self,
        rows: Callable[[Key | None, int], Sequence[Item]],
        *,
        limit: int,
        cursor: str | None,
        key: Callable[[Item], Key],
    ) -> Page[Item]:
        """Return the page of at most `limit` rows that comes after the cursor.

        `rows` reads so many rows after a key (None: from the start), in the list's order. One row
        more than is shown is read, which tells whether there is a next page. Raises
        `InvalidInputError` (cursor).
        """
        found = rows(self.key_of(cursor), limit + 1)
        shown = found[:limit]
        return Page(
            items=shown, next_cursor=self.after(key(shown[-1])) if len(found) > limit else None
        )
