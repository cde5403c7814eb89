"""Which keys belong to a database: it remembers a fingerprint of each that it was used with."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

FINGERPRINT_HEX_DIGITS = 32


def fingerprint(name: str, key: bytes) -> str:
    """Return what a database may remember of a secret key: an HMAC-SHA-256 of the setting's name.

    It tells nothing of a random key, and of a key that can be guessed as little as a signed link
    or the keyed hash of a known address does.
    """
    message = f"newsflash fingerprint of {name}".encode()
    return hmac.new(key, message, sha256).hexdigest()[:FINGERPRINT_HEX_DIGITS]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenKey:
    """A key as the settings give it, by fingerprints."""

    name: str
    """The setting."""
    current: str = field(repr=False)
    earlier: tuple[str, ...] = field(default=(), repr=False)
    """Of the keys in the setting's `_FALLBACKS`."""
    fallbacks: str | None = None
    """The setting for keys that were used before; None: this key cannot be changed."""


def belongs(given: GivenKey, known: Sequence[str]) -> bool:
    """Tell whether a database that knows these fingerprints, oldest first, was used with the key.

    A database that knows none takes the first that comes. While a key is changed machine by
    machine the old and the new one both belong: the new one because it names the old one.
    """
    return not known or given.current in known or not set(given.earlier).isdisjoint(known)


def knows_the_newest(given: GivenKey, known: Sequence[str]) -> bool:
    """Tell whether what the newest key signed can be checked with what is given."""
    return not known or known[-1] in (given.current, *given.earlier)


def remembered(given: GivenKey, known: Sequence[str]) -> tuple[str, ...]:
    """Return what the database knows, oldest first, once it is used with this key, which belongs.

    A key that is not known yet becomes the newest. Who signs with the newest also says which older
    ones still count: those among its fallbacks.
    """
    if given.current in known and given.current != known[-1]:
        return tuple(known)
    return (*(each for each in known if each in given.earlier), given.current)
