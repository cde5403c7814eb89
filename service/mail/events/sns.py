"""Messages of Amazon SNS and of what speaks its language, verified and confirmed.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import Certificate, load_pem_x509_certificates

from service.domain.errors import EventAuthError, EventFormatError
from service.mail.events.fetch import Fetch
from service.mail.events.payload import Object, as_object, load_json, text
from service.mail.events.request import EventRequest, is_same

_NOTIFICATION = "Notification"
_CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")
_SIGNED = {
    _NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    **dict.fromkeys(
        _CONFIRMATIONS,
        ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}
_HASHES = {"1": SHA1, "2": SHA256}
_CACHED_FOR = timedelta(hours=24)
_MAX_CACHED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SnsHosts:
    """Where a provider's certificates and confirmations are, as patterns of whole addresses."""

    certificate: re.Pattern[str]
    confirmation: re.Pattern[str]
    trust_chain: Callable[[re.Match[str]], str] | None = None
    """Where the certificates are that must have issued the one at an address; None where the
    address alone is the proof."""


class SnsMessages:
    """Verifies the messages of one provider's topics. Safe to call from several threads."""

    def __init__(self, hosts: SnsHosts, fetch: Fetch) -> None:
        """`fetch` gets certificates and confirms subscriptions."""
        self._hosts = hosts
        self._fetch = fetch
        self._cache: dict[str, tuple[datetime, Sequence[Certificate]]] = {}

    def read(self, request: EventRequest, *, topic: str) -> Object | None:
        """Return an authentic notification to this topic; None for a message about the topic.

        A subscription to it is confirmed by the way. Raises as `Parser` does.
        """
        message = as_object(load_json(request.body))
        kind = text(message, "Type") or ""
        if kind not in _SIGNED:
            raise EventAuthError("This is no message of a topic; raw delivery must be off.")
        # First of all: nothing is fetched for a stranger.
        if not is_same(text(message, "TopicArn") or "", topic):
            raise EventAuthError("The message is of another topic.")
        self._verify(message, kind, now=request.received_at)
        if kind == _NOTIFICATION:
            return message
        if kind == "SubscriptionConfirmation":
            url = text(message, "SubscribeURL") or ""
            if not self._hosts.confirmation.fullmatch(url):
                raise EventAuthError("The confirmation's address is not the provider's.")
            self._fetch(url)
        return None

    def _verify(self, message: Object, kind: str, *, now: datetime) -> None:
        """Raise `EventAuthError` unless the message is signed by the provider's certificate."""
        algorithm = _HASHES.get(text(message, "SignatureVersion") or "")
        if algorithm is None:
            raise EventAuthError("The signature's version is not known.")
        signer = self._certificate(text(message, "SigningCertURL") or "", now=now)
        key = signer.public_key()
        if not isinstance(key, RSAPublicKey):
            raise EventAuthError("The certificate does not hold an RSA key.")
        signed = "".join(
            f"{name}\n{value}\n"
            for name in _SIGNED[kind]
            if (value := text(message, name)) is not None
        )
        try:
            signature = b64decode(text(message, "Signature") or "", validate=True)
            key.verify(signature, signed.encode(), PKCS1v15(), algorithm())
        except (ValueError, InvalidSignature):
            raise EventAuthError("The signature is wrong.") from None

    def _certificate(self, url: str, *, now: datetime) -> Certificate:
        place = self._hosts.certificate.fullmatch(url)
        if place is None:
            raise EventAuthError("The certificate's address is not the provider's.")
        signer = self._certificates(url, now=now)[0]
        if not signer.not_valid_before_utc <= now <= signer.not_valid_after_utc:
            raise EventAuthError("The certificate is out of date.")
        if self._hosts.trust_chain is not None:
            issuers = self._certificates(self._hosts.trust_chain(place), now=now)
            if not any(_issued(issuer, signer) for issuer in issuers):
                raise EventAuthError("The certificate is not issued by the provider.")
        return signer

    def _certificates(self, url: str, *, now: datetime) -> Sequence[Certificate]:
        at, found = self._cache.get(url, (now, ()))
        if not found or now - at > _CACHED_FOR:
            try:
                found = load_pem_x509_certificates(self._fetch(url))
            except ValueError:
                raise EventAuthError("There is no certificate at the address.") from None
            if len(self._cache) >= _MAX_CACHED:
                self._cache.clear()
            self._cache[url] = (now, found)
        return found


def _issued(issuer: Certificate, signer: Certificate) -> bool:
    try:
        signer.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def message_of(notification: Object) -> Object | None:
    """Return the event inside a notification; None where it is plain words, as on a first test."""
    try:
        return as_object(load_json(text(notification, "Message") or ""))
    except EventFormatError:
        return None
