"""Mailtrap's webhooks. https://docs.mailtrap.io/email-api-smtp/advanced/webhooks"""

import hmac
from hashlib import sha256

from service.domain.errors import EventAuthError, EventFormatError
from service.domain.feedback import EventKind, ProviderEvent
from service.mail.events.payload import (
    Object,
    as_object,
    as_objects,
    code_of,
    digest_of,
    load_json,
    name_of,
    part,
    text,
    time_of,
    uuid_of,
)
from service.mail.events.request import EventRequest, ParsedEvents, is_same

SIGNATURE_HEADER = "mailtrap-signature"

_KINDS = {
    "delivery": EventKind.DELIVERED,
    "soft bounce": EventKind.SOFT_BOUNCE,
    "bounce": EventKind.HARD_BOUNCE,
    "spam": EventKind.COMPLAINT,
    "unsubscribe": EventKind.UNSUBSCRIBED,
}


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. `secret` is the webhook's signing secret.

    `Mailtrap-Signature` is the HMAC-SHA-256 of the raw body in hexadecimal, without a timestamp: a
    replay is a known event. The payload is an object with `events`, an array, or one object a line.
    """
    wanted = hmac.new(secret.encode(), request.body, sha256).hexdigest()
    if not is_same(request.headers.get(SIGNATURE_HEADER, "").lower(), wanted):
        raise EventAuthError("The signature is missing or wrong.")
    found = _items(request)
    events = [event for each in found if (event := _event(each, request)) is not None]
    return ParsedEvents(tuple(events), ignored=len(found) - len(events))


def _items(request: EventRequest) -> list[Object]:
    try:
        found = load_json(request.body)
    except EventFormatError:  # JSON Lines, which no content type tells apart reliably
        lines = [line for line in request.body.split(b"\n") if line.strip()]
        if not lines:
            raise
        return [as_object(load_json(line)) for line in lines]
    return as_objects(found["events"] if isinstance(found, dict) and "events" in found else found)


def _event(item: Object, request: EventRequest) -> ProviderEvent | None:
    kind = _KINDS.get((text(item, "event") or "").replace("_", " "))
    if kind is None:
        return None
    return ProviderEvent(
        event_id=name_of(item.get("event_id")) or digest_of(item),
        kind=kind,
        at=time_of(item.get("timestamp"), default=request.received_at),
        message_id=uuid_of(part(item, "custom_variables").get("message_id")),
        provider_message_id=name_of(item.get("message_id")),
        recipient=text(item, "email"),
        detail=code_of(item.get("bounce_category")),
    )
