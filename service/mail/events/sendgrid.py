"""SendGrid's Event Webhook.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event and, for the signature,
…/tracking-events/getting-started-event-webhook-security-features
"""

from base64 import b64decode
from datetime import timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from service.domain.delivery.feedback import EventKind, ProviderEvent
from service.domain.errors import EventAuthError
from service.mail.events.bounce import bounce_kind, read_reply
from service.mail.events.payload import (
    Object,
    as_objects,
    code_of,
    digest_of,
    load_json,
    name_of,
    text,
    time_of,
    uuid_of,
    word_of,
)
from service.mail.events.request import EventRequest, ParsedEvents, read_each, require_fresh

SIGNATURE_HEADER = "x-twilio-email-event-webhook-signature"
TIMESTAMP_HEADER = "x-twilio-email-event-webhook-timestamp"
REPEATED_FOR = timedelta(hours=25)
"""SendGrid repeats an unanswered request for 24 hours."""

_KINDS = {
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "spamreport": EventKind.COMPLAINT,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "groupunsubscribe": EventKind.UNSUBSCRIBED,
}
_IGNORED = frozenset({"accountstatuschange", "click", "groupresubscribe", "open", "processed"})
_CLASSES = {
    "invalid": EventKind.HARD_BOUNCE,
    "invalidaddress": EventKind.HARD_BOUNCE,
    "mailboxunavailable": EventKind.SOFT_BOUNCE,
    "technical": EventKind.SOFT_BOUNCE,
    "technicalfailure": EventKind.SOFT_BOUNCE,
    "content": EventKind.BLOCKED,
    "frequencyorvolume": EventKind.BLOCKED,
    "frequencyorvolumetoohigh": EventKind.BLOCKED,
    "reputation": EventKind.BLOCKED,
}
"""SendGrid's classifications of bounces; `Unclassified` says nothing."""
_TYPES = {"blocked": EventKind.BLOCKED, "expired": EventKind.SOFT_BOUNCE}
_DROPPED = {
    "invalid": EventKind.HARD_BOUNCE,
    "bouncedaddress": EventKind.SOFT_BOUNCE,
    "spamreportingaddress": EventKind.COMPLAINT,
    "unsubscribedaddress": EventKind.UNSUBSCRIBED,
    "invalidsmtpapiheader": EventKind.BLOCKED,
    "recipientlistoverpackagequota": EventKind.BLOCKED,
}
"""Why SendGrid itself kept an email back. An address bounced earlier in whatever way, perhaps for a
full mailbox."""
_SPAM_CONTENT = "spamcontent"


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. `secret` is the verification key that SendGrid shows: base64 DER, or PEM."""
    _authenticate(request, secret)
    return read_each(as_objects(load_json(request.body)), lambda item: _event(item, request))


def _authenticate(request: EventRequest, secret: str) -> None:
    stamp = request.headers.get(TIMESTAMP_HEADER, "")
    try:
        signature = b64decode(request.headers.get(SIGNATURE_HEADER, ""), validate=True)
        _key(secret).verify(signature, stamp.encode() + request.body, ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        raise EventAuthError("The signature is missing or wrong.") from None
    require_fresh(stamp, now=request.received_at, max_age=REPEATED_FOR)


def _key(secret: str) -> EllipticCurvePublicKey:
    try:
        if secret.lstrip().startswith("-----BEGIN"):
            key = load_pem_public_key(secret.encode())
        else:
            key = load_der_public_key(b64decode(secret))
    except ValueError:
        raise EventAuthError("The key that is set is no public key.") from None
    if not isinstance(key, EllipticCurvePublicKey):
        raise EventAuthError("The key that is set is no elliptic-curve key.")
    return key


def _event(item: Object, request: EventRequest) -> ProviderEvent | None:
    kind = _kind(item)
    if kind is None:
        return None
    return ProviderEvent(
        event_id=name_of(item.get("sg_event_id")) or digest_of(item),
        kind=kind,
        at=time_of(item.get("timestamp"), default=request.received_at),
        message_id=uuid_of(item.get("message_id")),
        provider_message_id=_call_id(item),
        recipient=text(item, "email"),
        detail=code_of(item.get("status"))
        or code_of(item.get("type"))
        or code_of(item.get("event")),
    )


def _kind(item: Object) -> EventKind | None:
    event = word_of(item.get("event"))
    if event == "dropped":
        reason = word_of(item.get("reason"))
        if reason.startswith(_SPAM_CONTENT):
            return EventKind.BLOCKED
        return _DROPPED.get(reason, EventKind.NOT_UNDERSTOOD)
    if event in ("bounce", "blocked"):
        type_ = "blocked" if event == "blocked" else word_of(item.get("type"))
        word = _CLASSES.get(word_of(item.get("bounce_classification")), _TYPES.get(type_))
        if word is EventKind.HARD_BOUNCE:
            word = _TYPES.get(type_, word)
        return bounce_kind(word, read_reply(item.get("status"), item.get("reason")))
    return None if event in _IGNORED else _KINDS.get(event, EventKind.NOT_UNDERSTOOD)


def _call_id(item: Object) -> str | None:
    """`sg_message_id` is the call's `X-Message-Id`, a dot, and where the email was handled."""
    name = name_of(item.get("sg_message_id"))
    return name.partition(".")[0] if name else None
