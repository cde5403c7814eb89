"""Mailgun's webhooks. https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks
and …/webhooks/securing-webhooks
"""

import hmac
from datetime import timedelta
from hashlib import sha256

from service.domain.errors import EventAuthError
from service.domain.feedback import EventKind, ProviderEvent
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
)
from service.mail.events.request import EventRequest, ParsedEvents, is_same, require_fresh

REPEATED_FOR = timedelta(hours=9)
"""Mailgun repeats an unanswered request for 8 hours."""

_KINDS = {
    "delivered": EventKind.DELIVERED,
    "complained": EventKind.COMPLAINT,
    "unsubscribed": EventKind.UNSUBSCRIBED,
}
_PERMANENT = {
    "suppress-complaint": EventKind.COMPLAINT,
    "suppress-unsubscribe": EventKind.UNSUBSCRIBED,
    "old": EventKind.SOFT_BOUNCE,
    "espblock": EventKind.SOFT_BOUNCE,
    "greylisted": EventKind.SOFT_BOUNCE,
}
"""Reasons of a permanent failure that are no hard bounce: an earlier act of the person, or a
refusal that the address is not to blame for."""


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. `secret` is the HTTP webhook signing key.

    The signature covers a timestamp and a token and nothing of the event. So the token is the
    event's id: whoever replays a token, with whatever event, repeats what is known already.
    """
    body = as_object(load_json(request.body))
    token = _authenticate(part(body, "signature"), request, secret)
    item = part(body, "event-data")
    kind = _kind(item)
    if kind is None:
        return ParsedEvents(ignored=1)
    headers = part(part(item, "message"), "headers")
    event = ProviderEvent(
        event_id=token,
        kind=kind,
        at=time_of(item.get("timestamp"), default=request.received_at),
        message_id=uuid_of(part(item, "user-variables").get("message_id")),
        provider_message_id=name_of((text(headers, "message-id") or "").strip("<>")),
        recipient=text(item, "recipient"),
        detail=code_of(item.get("reason")),
    )
    return ParsedEvents((event,))


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
    name = text(item, "event") or ""
    if name != "failed":
        return _KINDS.get(name)
    if item.get("severity") == "temporary":  # Mailgun itself tries again
        return EventKind.DEFERRED
    return _PERMANENT.get(text(item, "reason") or "", EventKind.HARD_BOUNCE)
