"""The one way in which a document is written before it is hashed or signed (RFC 8785, JCS).

The ledger's documents hold objects, arrays, text, whole numbers, true, false and null. For these
the canonical form is: no space, members sorted by the UTF-16 code units of their names, text as it
stands but for the escapes that JSON asks for, UTF-8. Fractions do not occur and are refused, so
that nobody has to write a number as ECMAScript does (RFC 8785, section 3.2.2.3).
"""

import json
from collections.abc import Mapping
from typing import cast

MAX_WHOLE = 2**53 - 1
"""The largest whole number that every JSON reader keeps (RFC 7493, section 2.2)."""


class CanonicalError(ValueError):
    """The value has no canonical form here. The message says what stands in the way."""


def canonical(value: object) -> bytes:
    """Return the canonical form of a value as JSON gives it; raise `CanonicalError`."""
    try:
        if _is_plain(value):  # for a ledger entry this takes half the time
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        else:
            text = json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":"))
        return text.encode()
    except UnicodeEncodeError:
        raise CanonicalError("the text has a lone surrogate") from None
    except RecursionError:
        raise CanonicalError("it is nested too deep") from None


def _is_plain(value: object) -> bool:
    """Tell whether its members need no order but that of Python: ASCII names have one order by
    characters and by UTF-16 code units.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return abs(cast(int, value)) <= MAX_WHOLE
    if kind is list:
        return all(map(_is_plain, cast(list[object], value)))
    return kind is dict and all(
        type(name) is str and name.isascii() and _is_plain(item)
        for name, item in cast(dict[object, object], value).items()
    )


def _ordered(value: object) -> object:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        if abs(value) > MAX_WHOLE:
            raise CanonicalError("a number is too large")
        return value
    if isinstance(value, list | tuple):
        return [_ordered(each) for each in value]
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise CanonicalError("a member's name is no text")
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return {name: _ordered(value[name]) for name in names}
    raise CanonicalError(f"a {type(value).__name__} has no place in it")
