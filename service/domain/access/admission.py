"""Whom of those that an identity provider names to let in to the admin pages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from service.domain.letters import ascii_lower

MAX_NAME_LENGTH = 255
"""Of an address that counts, and of a subject (OpenID Connect Core 1.0, section 2)."""

ADDRESS_NOT_VERIFIED = "address_not_verified"
NOT_AN_ADMINISTRATOR = "not_an_administrator"

Claims = Mapping[str, Any]
"""What the provider says of someone (OpenID Connect Core 1.0, section 5.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Someone as the provider names them; `subject` is its unchanging id."""

    name: str
    subject: str

    @classmethod
    def of(cls, claims: Claims) -> "Account":
        """Read the account: it goes by its address where that is verified, else by its subject."""
        subject = str(claims["sub"])
        return cls(name=verified_address(claims) or subject, subject=subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRule:
    """Lets in people named by address, and members of the group."""

    admins: frozenset[str]
    """Addresses, as `plain_address` writes them."""
    group: str | None
    group_claim: str
    """Name of the claim that lists groups; dots lead into objects where no claim has the name."""

    def refusal(self, claims: Claims) -> str | None:
        """Return why these claims do not let one in, in a word, or None where they do."""
        address = verified_address(claims)
        if address is not None and address in self.admins:
            return None
        if self.group is not None and self.group in _groups(claims, self.group_claim):
            return None
        given = claims.get("email")
        if address is None and isinstance(given, str) and plain_address(given) in self.admins:
            return ADDRESS_NOT_VERIFIED
        return NOT_AN_ADMINISTRATOR

    def is_missing_any(self, claims: Claims) -> bool:
        """Tell whether the claims lack something that the rule or the audit log goes by."""
        if "email" not in claims or "email_verified" not in claims:
            return True
        return self.group is not None and not _groups(claims, self.group_claim)

    def fingerprint(self, *, issuer: str, client_id: str) -> str:
        """Return a hash of who is let in, and by whose word."""
        whole = [issuer, client_id, sorted(self.admins), self.group, self.group_claim]
        return sha256(json.dumps(whole).encode()).hexdigest()


def plain_address(text: str) -> str:
    """Return the text as addresses of administrators are compared: with A to Z small."""
    return ascii_lower(text.strip())


def verified_address(claims: Claims) -> str | None:
    """Return the address that the provider vouches for, or None: only `true` itself says so."""
    address = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(address, str):
        return None
    is_usable = "@" in address and address.isprintable() and len(address) <= MAX_NAME_LENGTH
    return plain_address(address) if is_usable else None


def _groups(claims: Claims, name: str) -> frozenset[str]:
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    listed = found if isinstance(found, list) else [found]
    return frozenset(each for each in listed if isinstance(each, str))
