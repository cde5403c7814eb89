"""Signed documents: Ed25519 (RFC 8032) over the canonical form, the key shown as a JWK (RFC 8037).

The signature stands in the document's own member `signature` and covers every other member. Each
document says with `type` what it is, so that a signature for one kind never passes for another.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from service.domain.ledger.canonical import CanonicalError, canonical
from service.domain.ledger.format import Document

ALGORITHM = "EdDSA"
PUBLIC = "public:"
_RAW_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
_SEED = re.compile(r"[0-9a-fA-F]{64}")


class PublicKeyError(ValueError):
    """The text holds no Ed25519 public key."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key; `x` is its 32 bytes in base64url."""

    x: str

    @classmethod
    def parse(cls, text: str) -> tuple["PublicKey", ...]:
        """Read `x` alone, a JWK, or all fitting keys of a JWK Set; raise `PublicKeyError`."""
        if _RAW_KEY.fullmatch(text.strip()):
            return (cls(text.strip()),)
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise PublicKeyError("it is neither a key of 43 characters nor JSON") from None
        keys = found.get("keys", [found]) if isinstance(found, dict) else []
        fitting = tuple(
            cls.from_jwk(key)
            for key in (keys if isinstance(keys, list) else [])
            if isinstance(key, dict) and key.get("crv") == "Ed25519"
        )
        if not fitting:
            raise PublicKeyError("it holds no Ed25519 key")
        return fitting

    @classmethod
    def from_jwk(cls, jwk: object) -> "PublicKey":
        """Read a JWK; raise `PublicKeyError`."""
        x = jwk.get("x") if isinstance(jwk, dict) and jwk.get("crv") == "Ed25519" else None
        if not isinstance(x, str) or not _RAW_KEY.fullmatch(x):
            raise PublicKeyError("it is no Ed25519 JWK")
        return cls(x)

    @property
    def kid(self) -> str:
        """The key's name: its SHA-256 thumbprint (RFC 7638, section 3; RFC 8037, appendix A.3)."""
        return _base64(sha256(canonical({"crv": "Ed25519", "kty": "OKP", "x": self.x})).digest())

    def jwk(self) -> Document:
        """Return the key as a JWK."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": self.x,
            "kid": self.kid,
            "use": "sig",
            "alg": ALGORITHM,
        }

    def signed(self, document: Document) -> bool:
        """Tell whether this key signed the document as it stands."""
        signature = document.get("signature")
        value = signature.get("value") if isinstance(signature, dict) else None
        if not isinstance(value, str) or not isinstance(signature, dict):
            return False
        if signature.get("alg") != ALGORITHM:
            return False
        try:
            message = _message(document)
            Ed25519PublicKey.from_public_bytes(_bytes(self.x)).verify(_bytes(value), message)
        except (CanonicalError, InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """Signs documents with the service's `RECEIPT_KEY`."""

    def __init__(self, seed: bytes) -> None:
        """`seed` is the private key's 32 bytes (RFC 8032, section 5.1.5)."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = PublicKey(_base64(self._key.public_key().public_bytes_raw()))

    def sign(self, document: Document) -> Document:
        """Return the document with its signature."""
        value = _base64(self._key.sign(_message(document)))
        signature = {"alg": ALGORITHM, "kid": self.public_key.kid, "value": value}
        return {**document, "signature": signature}


def seed_of(receipt_key: str) -> bytes:
    """Return the seed that the setting `RECEIPT_KEY` means.

    64 hex digits are the seed itself; of any other text it is the SHA-256.
    """
    if _SEED.fullmatch(receipt_key):
        return bytes.fromhex(receipt_key)
    return sha256(receipt_key.encode()).digest()


def earlier_public_key(given: str) -> PublicKey:
    """Return the public key that one of `RECEIPT_KEY_FALLBACKS` means: the one after `public:`, or
    that of an earlier `RECEIPT_KEY`.
    """
    if given.startswith(PUBLIC):
        return PublicKey(given.removeprefix(PUBLIC))
    return Signer(seed_of(given)).public_key


def _message(document: Document) -> bytes:
    return canonical({name: value for name, value in document.items() if name != "signature"})


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
