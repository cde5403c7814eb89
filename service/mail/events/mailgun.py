"""Mailgun's webhooks. https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks
and …/webhooks/securing-webhooks
"""

import hmac
from datetime import timedelta
from hashlib import sha256

from service.domain.delivery.feedback import EventKind, ProviderEvent
from service.domain.errors import EventAuthError
from service.mail.events.bounce import bounce_kind, read_reply
from service.mail.events.payload import (
    Object,
    as_object,
    code_of,
    load_json,
    name_of,
    part,
    text,
    time_of,
    uuid_of,
    word_of,
)
from service.mail.events.request import (
    EventRequest,
    ParsedEvents,
    is_same,
    read_each,
    require_fresh,
)

REPEATED_FOR = timedelta(hours=9)
"""Mailgun repeats an unanswered request for 8 hours."""

_KINDS = {
    "delivered": EventKind.DELIVERED,
    "complained": EventKind.COMPLAINT,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "rejected": EventKind.BLOCKED,
}
_IGNORED = frozenset({"accepted", "clicked", "opened", "stored"})
_SUPPRESSED = {
    "suppressbounce": EventKind.HARD_BOUNCE,
    "suppresscomplaint": EventKind.COMPLAINT,
    "suppressunsubscribe": EventKind.UNSUBSCRIBED,
}
"""Mailgun kept the email back for what happened earlier; its bounce list holds permanent errors of
mailboxes alone."""
_REASONS = {
    "bounce": EventKind.HARD_BOUNCE,
    "delayedbounce": EventKind.HARD_BOUNCE,
    "espblock": EventKind.BLOCKED,
    "greylisted": EventKind.BLOCKED,
    "old": EventKind.SOFT_BOUNCE,
}
"""Any other reason of a permanent failure, such as `generic`, says nothing."""


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. `secret` is the HTTP webhook signing key.

    The signature covers a timestamp and a token and nothing of the event. So the token is the
    event's id: a token that is replayed, with any event, repeats what is known already.
    """
    body = as_object(load_json(request.body))
    token = _authenticate(part(body, "signature"), request, secret)
    return read_each([part(body, "event-data")], lambda item: _event(item, token, request))


def _event(item: Object, token: str, request: EventRequest) -> ProviderEvent | None:
    kind = _kind(item)
    if kind is None:
        return None
    headers = part(part(item, "message"), "headers")
    return ProviderEvent(
        event_id=token,
        kind=kind,
        at=time_of(item.get("timestamp"), default=request.received_at),
        message_id=uuid_of(part(item, "user-variables").get("message_id")),
        provider_message_id=name_of((text(headers, "message-id") or "").strip("<>")),
        recipient=text(item, "recipient"),
        detail=code_of(item.get("reason")) or code_of(item.get("event")),
    )


def _authenticate(signature: Object, request: EventRequest, secret: str) -> str:
    token, stamp = name_of(signature.get("token")), name_of(signature.get("timestamp"))
    given = text(signature, "signature") or ""
    if token is None or stamp is None:
        raise EventAuthError("The signature is missing.")
    wanted = hmac.new(secret.encode(), f"{stamp}{token}".encode(), sha256).hexdigest()
    if not is_same(given, wanted):
        raise EventAuthError("The signature is wrong.")
    require_fresh(stamp, now=request.received_at, max_age=REPEATED_FOR)
    return token


def _kind(item: Object) -> EventKind | None:
    event = word_of(item.get("event"))
    if event != "failed":
        return None if event in _IGNORED else _KINDS.get(event, EventKind.NOT_UNDERSTOOD)
    if word_of(item.get("severity")) == "temporary":  # Mailgun itself tries again
        return EventKind.DEFERRED
    reason, status = word_of(item.get("reason")), part(item, "delivery-status")
    if reason in _SUPPRESSED:
        return _SUPPRESSED[reason]
    word = _REASONS.get(reason)
    if word_of(status.get("bounce-type")) == "soft":
        word = EventKind.BLOCKED if word is EventKind.BLOCKED else EventKind.SOFT_BOUNCE
    names = ("enhanced-code", "code", "message", "description")
    return bounce_kind(word, read_reply(*(status.get(name) for name in names)))
