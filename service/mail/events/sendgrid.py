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

from service.domain.errors import EventAuthError
from service.domain.feedback import EventKind, ProviderEvent
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
)
from service.mail.events.request import EventRequest, ParsedEvents, require_fresh

SIGNATURE_HEADER = "x-twilio-email-event-webhook-signature"
TIMESTAMP_HEADER = "x-twilio-email-event-webhook-timestamp"
REPEATED_FOR = timedelta(hours=25)
"""SendGrid repeats an unanswered request for 24 hours."""

_KINDS = {
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "bounce": EventKind.HARD_BOUNCE,
    "spamreport": EventKind.COMPLAINT,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
}
_DROPPED = {
    "bounced address": EventKind.HARD_BOUNCE,
    "invalid": EventKind.HARD_BOUNCE,
    "spam reporting address": EventKind.COMPLAINT,
    "unsubscribed address": EventKind.UNSUBSCRIBED,
}
"""Why SendGrid itself kept a mail back; other reasons are about the mail or the account."""


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. `secret` is the verification key that SendGrid shows: base64 DER, or PEM."""
    _authenticate(request, secret)
    found = as_objects(load_json(request.body))
    events = [event for each in found if (event := _event(each, request)) is not None]
    return ParsedEvents(tuple(events), ignored=len(found) - len(events))


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
        detail=code_of(item.get("status")) or code_of(item.get("type")),
    )


def _kind(item: Object) -> EventKind | None:
    name = text(item, "event") or ""
    if name == "dropped":
        return _DROPPED.get((text(item, "reason") or "").lower())
    if name == "bounce" and item.get("type", "bounce") != "bounce":
        # `blocked` for the sender or the content, or `expired`: the address is not to blame.
        return EventKind.SOFT_BOUNCE
    return _KINDS.get(name)


def _call_id(item: Object) -> str | None:
    """`sg_message_id` is the call's `X-Message-Id`, a dot, and where the mail was handled."""
    name = name_of(item.get("sg_message_id"))
    return name.partition(".")[0] if name else None
