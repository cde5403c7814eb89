"""How letters of addresses and names are made one: small ones, and domains in ASCII."""

import string

import idna

_SMALL_LETTERS = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def ascii_lower(text: str) -> str:
    """Write A to Z small and nothing else: some other letters have a small form that is ASCII."""
    return text.translate(_SMALL_LETTERS)


def ascii_domain(text: str) -> str:
    """Return the text, part of an address, with a domain in its ASCII form (RFC 5891).

    `ada@münchen.example` and `münchen.example` become `…xn--mnchen-3ya.example`; what is no whole
    domain stays as it is.
    """
    before, at, domain = text.rpartition("@")
    try:
        return before + at + idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return text
