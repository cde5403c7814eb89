"""E-mail addresses: what is kept as typed, and the key under which an address is the same."""

import hmac
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from service.domain.errors import AddressError
from service.domain.letters import ascii_lower

MAX_LENGTH = 254
"""Longest address in octets that fits an SMTP path (RFC 5321, section 4.5.3.1.3, erratum 1690)."""

_PLAIN_LOCAL = re.compile(r"(?=.{1,64}$)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")

ENCODED_WORD = "=?"
"""Begins an encoded word (RFC 2047). Other programs may decode it wherever it stands."""


@dataclass(frozen=True, slots=True)
class Address:
    """A mail address: `typed` is what the person wrote, `key` what makes two spellings one."""

    typed: str
    key: str

    @property
    def domain(self) -> str:
        """The part behind the at sign, in its ASCII form."""
        return self.key.rpartition("@")[2]


def parse_address(text: str) -> Address:
    """Return the address in `text`, or raise `AddressError` with a sentence for the person.

    The syntax is RFC 5321's dot-atom with RFC 6531's international characters; quoted local parts,
    address literals and display names are refused, and so is what begins an encoded word (RFC
    2047): a mail API that decodes it would write to somebody else.

    What is typed is kept in its NFC form (RFC 6532, section 3.1), and the email goes there. The key
    is its local part with A to Z small, which no large mailbox provider tells apart, and the
    domain's ASCII form (RFC 5891). Other letters stay: `ßam` may be another person than `ssam`.
    """
    typed = unicodedata.normalize("NFC", text.strip())
    local, _, domain = typed.rpartition("@")
    if typed.isascii() and len(typed) <= MAX_LENGTH and _PLAIN_LOCAL.fullmatch(local):
        # Nothing can be wrong but the domain, and most domains have been seen: 25 times as fast.
        return Address(typed=typed, key=f"{local.lower()}@{_domain_key(domain)}")
    return _parsed(typed)


@lru_cache(maxsize=10_000)
def _domain_key(domain: str) -> str:
    # Whatever is trimmed away here would stay in the address as it is kept.
    if domain != domain.strip():
        raise AddressError("The domain has white space around it.")
    return _parsed(f"a@{domain}").domain


def _parsed(typed: str) -> Address:
    try:
        valid = validate_email(typed, check_deliverability=False)
    except EmailNotValidError as error:
        raise AddressError(str(error)) from None
    if ENCODED_WORD in valid.local_part:
        raise AddressError(
            f"An address with {ENCODED_WORD} before the @ can't be used, because mail servers "
            "misread it. Please use another address."
        )
    return Address(typed=typed, key=f"{ascii_lower(valid.local_part)}@{valid.ascii_domain.lower()}")


def address_hash(key: str, hash_key: bytes) -> str:
    """Return the keyed hash (HMAC-SHA-256, 64 hex digits) under which an address is suppressed."""
    # One call to `hmac.digest` would let other threads run, and an import waits for each of them.
    mac = _keyed(hash_key).copy()
    mac.update(key.encode())
    return mac.hexdigest()


@lru_cache(maxsize=8)
def _keyed(hash_key: bytes) -> hmac.HMAC:
    return hmac.new(hash_key, digestmod="sha256")
