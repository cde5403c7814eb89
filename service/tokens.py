"""Signed links: one class a purpose, each under its own salt and derived key (itsdangerous).

A token is a packed payload and an HMAC-SHA-256 signature, both in URL-safe base64, with a dot
between. The payload begins with its version, carries ids, epochs and the row's own time, never an
address, and is never compressed: tokens of one shape have one length.
"""

import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from service.domain.errors import LinkExpiredError, LinkForgedError
from service.domain.subscription import LinkScope, SubscriptionRef

VERSION = 1
CODE_DIGITS = 6
_HEAD = struct.Struct(">BI16s")  # version, time in seconds since 1970, subscriber id
_REF = struct.Struct(">16sH")  # mailing list id, epoch
_ID = struct.Struct(">B16s")  # version, id
_LIST_BYTES = 16  # a mailing list's id after that, or zeros
_TIME = struct.Struct(">BI")  # version, time in seconds since 1970
_STEP = struct.Struct(">BI32s")  # version, time in seconds since 1970, SHA-256 or random bytes


def _signature(key: bytes, value: bytes) -> bytes:
    return base64_encode(hmac.digest(key, value, "sha256"))


class _Purpose:
    """What all purposes share: keys, salt, packing."""

    salt: str
    head: struct.Struct
    """What every payload begins with."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        """Take the keys, oldest first: the last one signs, all of them verify."""
        of_purpose = Signer(
            list(secret_keys),
            salt=f"newsflash.{self.salt}",
            key_derivation="hmac",
            digest_method=sha256,
        )
        # Derived once, and used as itsdangerous would use them: it derives them for each token, and
        # takes twice the time.
        self._keys = [of_purpose.derive_key(key) for key in of_purpose.secret_keys]

    def _sign(self, payload: bytes) -> str:
        value = base64_encode(payload)
        return f"{value.decode()}.{_signature(self._keys[-1], value).decode()}"

    def _may_follow(self, size: int) -> bool:
        """Tell whether this many bytes may follow the head."""
        return size == 0

    def _payload(self, token: str) -> bytes:
        """Return what was signed, of a version and length that this code writes; another one's
        token is as good as forged: raise `LinkForgedError`.
        """
        try:
            value, _, signature = token.encode().rpartition(b".")
        except UnicodeEncodeError:
            raise LinkForgedError from None
        # Compared as they are written: base64 has spare bits and lets padding by, and only the one
        # spelling that we write is ours.
        fits = [hmac.compare_digest(_signature(key, value), signature) for key in self._keys]
        if not any(fits):
            raise LinkForgedError
        try:
            payload = base64_decode(value)
        except BadData:
            raise LinkForgedError from None
        more = len(payload) - self.head.size
        if payload[:1] != bytes([VERSION]) or more < 0 or not self._may_follow(more):
            raise LinkForgedError
        return payload


class _CyclesToken(_Purpose):
    """A token that speaks of subscriptions in the epoch in which it was made."""

    head = _HEAD

    def _may_follow(self, size: int) -> bool:
        return size % _REF.size == 0

    def issue(self, scope: LinkScope, *, at: datetime) -> str:
        """Return the token. `at` is the time of the row that the token belongs to, not the clock's:
        so the same row always gives the same token.
        """
        return self._sign(self._pack(scope, at))

    @staticmethod
    def _pack(scope: LinkScope, at: datetime) -> bytes:
        head = _HEAD.pack(VERSION, int(at.timestamp()), scope.subscriber_id.bytes)
        refs = (_REF.pack(ref.mailing_list_id.bytes, ref.epoch) for ref in scope.refs)
        return head + b"".join(refs)

    def read(self, token: str, *, max_age: timedelta | None = None, now: datetime) -> LinkScope:
        """Return what the token speaks of; raise `LinkForgedError` or `LinkExpiredError`."""
        payload = self._payload(token)
        _, seconds, subscriber_id = _HEAD.unpack_from(payload)
        if max_age is not None and now - datetime.fromtimestamp(seconds, UTC) > max_age:
            raise LinkExpiredError
        refs = tuple(
            SubscriptionRef(UUID(bytes=list_id), epoch)
            for list_id, epoch in _REF.iter_unpack(payload[_HEAD.size :])
        )
        return LinkScope(UUID(bytes=subscriber_id), refs)


class ConfirmTokens(_CyclesToken):
    """The link in a confirmation mail. It expires; the use case says after how long."""

    salt = "confirm"

    def code(self, scope: LinkScope, *, at: datetime) -> str:
        """Return the digits that stand in the same mail, to type where the signup was made."""
        return self._code(self._keys[-1], scope, at)

    def is_code(self, typed: str, scope: LinkScope, *, at: datetime) -> bool:
        """Tell whether these are the digits, under any of the keys: mails outlive a rotation."""
        fits = [hmac.compare_digest(self._code(key, scope, at), typed) for key in self._keys]
        return any(fits)

    def _code(self, key: bytes, scope: LinkScope, at: datetime) -> str:
        digest = hmac.digest(key, self._pack(scope, at), "sha256")
        return f"{int.from_bytes(digest[:8]) % 10**CODE_DIGITS:0{CODE_DIGITS}}"


class UnsubscribeTokens(_CyclesToken):
    """The link and header by which a person leaves. It never expires."""

    salt = "unsubscribe"


class UndoTokens(_CyclesToken):
    """The button on the page after leaving that takes the leaving back, for a short time."""

    salt = "undo"


class ReceiptTokens(_CyclesToken):
    """The link to the proof of one's own consent, on pages that only one's links lead to."""

    salt = "receipt"


class AdminLinkTokens(_Purpose):
    """The link that signs an administrator in. It works as long as its row is there."""

    salt = "admin-link"
    head = _ID

    def issue(self, row_id: UUID) -> str:
        """Return the token of the row with this id."""
        return self._sign(_ID.pack(VERSION, row_id.bytes))

    def read(self, token: str) -> UUID:
        """Return the row's id; raise `LinkForgedError`."""
        return UUID(bytes=_ID.unpack(self._payload(token))[1])


class StatusTokens(_Purpose):
    """The page after signup. It names the request's own message and, where the request was for one
    list by name, that list: what the request said, and nothing that was looked up.
    """

    salt = "status"
    head = _ID

    def _may_follow(self, size: int) -> bool:
        return size == _LIST_BYTES

    def issue(self, message_id: UUID, *, list_id: UUID | None = None) -> str:
        """Return the token; all have the same length."""
        listed = list_id.bytes if list_id is not None else bytes(_LIST_BYTES)
        return self._sign(_ID.pack(VERSION, message_id.bytes) + listed)

    def read(self, token: str) -> UUID:
        """Return the message's id; raise `LinkForgedError`."""
        return UUID(bytes=_ID.unpack_from(self._payload(token))[1])

    def list_id(self, token: str) -> UUID | None:
        """Return the list's id, where the token names one; raise `LinkForgedError`."""
        listed = self._payload(token)[_ID.size :]
        return UUID(bytes=listed) if any(listed) else None


class FormTokens(_Purpose):
    """The signed time in a signup form: how old the form was when it was sent."""

    salt = "form"
    head = _TIME

    def issue(self, *, at: datetime) -> str:
        """Return the token of a form made `at`."""
        return self._sign(_TIME.pack(VERSION, int(at.timestamp())))

    def read(self, token: str) -> datetime:
        """Return when the form was made; raise `LinkForgedError`."""
        return datetime.fromtimestamp(_TIME.unpack(self._payload(token))[1], UTC)


class StepTokens(_Purpose):
    """The step before a signup of medium risk: when it began, and a hash of what was entered."""

    salt = "step"
    head = _STEP

    def issue(self, digest: bytes, *, at: datetime) -> str:
        """Return the token of a step that began `at`, for what has this SHA-256."""
        return self._sign(_STEP.pack(VERSION, int(at.timestamp()), digest))

    def read(self, token: str) -> tuple[bytes, datetime]:
        """Return the hash and when the step began; raise `LinkForgedError`."""
        _, seconds, digest = _STEP.unpack(self._payload(token))
        return digest, datetime.fromtimestamp(seconds, UTC)

    def proof_key(self) -> bytes:
        """Return the key that signs the step's proof of work."""
        return hmac.digest(self._keys[-1], b"proof", "sha256")


class SignInTokens(_Purpose):
    """What a browser keeps while its person is at the identity provider: a random seed, when the
    sign-in began, and the page that it shall lead to.
    """

    salt = "sign-in"
    head = _STEP

    def _may_follow(self, _size: int) -> bool:
        return True

    def issue(self, seed: bytes, *, wanted: str, at: datetime) -> str:
        """Return the token of a sign-in begun `at`; the seed has 32 bytes."""
        head = _STEP.pack(VERSION, int(at.timestamp()), seed)
        return self._sign(head + wanted.encode())

    def read(self, token: str) -> tuple[bytes, str, datetime]:
        """Return the seed, the page and when the sign-in began; raise `LinkForgedError`."""
        payload = self._payload(token)
        _, seconds, seed = _STEP.unpack_from(payload)
        try:
            wanted = payload[_STEP.size :].decode()
        except UnicodeDecodeError:
            raise LinkForgedError from None
        return seed, wanted, datetime.fromtimestamp(seconds, UTC)

    def derive(self, seed: bytes, use: str) -> str:
        """Return the 43 characters for `use` in this sign-in; the seed does not tell them."""
        digest = hmac.digest(self._keys[-1], use.encode() + seed, "sha256")
        return base64_encode(digest).decode()


@dataclass(frozen=True, slots=True)
class Tokens:
    """Every purpose, made once from the settings' keys."""

    confirm: ConfirmTokens
    unsubscribe: UnsubscribeTokens
    undo: UndoTokens
    receipt: ReceiptTokens
    status: StatusTokens
    admin_link: AdminLinkTokens
    form: FormTokens
    step: StepTokens
    sign_in: SignInTokens

    @classmethod
    def from_keys(cls, secret_keys: Sequence[str]) -> "Tokens":
        """Build all purposes on the same list of keys, oldest first."""
        return cls(
            confirm=ConfirmTokens(secret_keys),
            unsubscribe=UnsubscribeTokens(secret_keys),
            undo=UndoTokens(secret_keys),
            receipt=ReceiptTokens(secret_keys),
            status=StatusTokens(secret_keys),
            form=FormTokens(secret_keys),
            step=StepTokens(secret_keys),
            sign_in=SignInTokens(secret_keys),
            admin_link=AdminLinkTokens(secret_keys),
        )
