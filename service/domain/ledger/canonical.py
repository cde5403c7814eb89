"""The one way in which a document is written before it is hashed or signed (RFC 8785, JCS).

The ledger's documents hold objects, arrays, text, whole numbers, true, false and null. For these
the canonical form is: no space, members sorted by the UTF-16 code units of their names, text as it
stands but for the escapes that JSON asks for, UTF-8. Fractions do not occur and are refused, so
that nobody has to write a number as ECMAScript does (RFC 8785, section 3.2.2.3).
"""

import json
from collections.abc import Mapping

MAX_WHOLE = 2**53 - 1
"""The largest whole number that every JSON reader keeps (RFC 7493, section 2.2)."""


class CanonicalError(ValueError):
    """The value has no canonical form here. The message says what stands in the way."""


def canonical(value: object) -> bytes:
    """Return the canonical form of a value as JSON gives it; raise `CanonicalError`."""
    try:
        return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise CanonicalError("the text has a lone surrogate") from None
    except RecursionError:
        raise CanonicalError("it is nested too deep") from None


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
