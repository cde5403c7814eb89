"""Mailtrap's webhooks. https://docs.mailtrap.io/email-api-smtp/advanced/webhooks"""

import hmac
from hashlib import sha256
from typing import Any

from service.domain.delivery.feedback import EventKind, ProviderEvent
from service.domain.errors import EventAuthError, EventFormatError
from service.mail.events.bounce import bounce_kind, read_reply
from service.mail.events.payload import (
    Object,
    as_objects,
    code_of,
    digest_of,
    load_json,
    name_of,
    part,
    text,
    time_of,
    uuid_of,
    word_of,
)
from service.mail.events.request import EventRequest, ParsedEvents, is_same, read_each

SIGNATURE_HEADER = "mailtrap-signature"

_KINDS = {
    "delivery": EventKind.DELIVERED,
    "softbounce": EventKind.DEFERRED,
    "suspension": EventKind.DEFERRED,
    "reject": EventKind.BLOCKED,
    "spam": EventKind.COMPLAINT,
    "spamcomplaint": EventKind.COMPLAINT,
    "unsubscribe": EventKind.UNSUBSCRIBED,
}
"""After a soft bounce or a suspension Mailtrap tries again by itself."""
_IGNORED = frozenset({"click", "open"})
_AUDIT = ("activitylog", "auditlog", "inbound")
_CATEGORIES = {
    "badmailbox": EventKind.HARD_BOUNCE,
    "baddomain": EventKind.HARD_BOUNCE,
    "badsender": EventKind.BLOCKED,
    "block": EventKind.BLOCKED,
    "content": EventKind.BLOCKED,
    "contentrelated": EventKind.BLOCKED,
    "greylisting": EventKind.BLOCKED,
    "policyrelated": EventKind.BLOCKED,
    "spam": EventKind.BLOCKED,
    "spamrelated": EventKind.BLOCKED,
    "virus": EventKind.BLOCKED,
    "virusrelated": EventKind.BLOCKED,
}
"""Any other category of a bounce, such as `generalfail`, says nothing of the address."""


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. `secret` is the webhook's signing secret.

    `Mailtrap-Signature` is the HMAC-SHA-256 of the raw body in hexadecimal, without a timestamp: a
    replay is a known event. The payload is an object with `events`, an array, or one object a line.
    """
    wanted = hmac.new(secret.encode(), request.body, sha256).hexdigest()
    if not is_same(request.headers.get(SIGNATURE_HEADER, "").lower(), wanted):
        raise EventAuthError("The signature is missing or wrong.")
    return read_each(_items(request), lambda item: _event(item, request))


def _items(request: EventRequest) -> list[Object | None]:
    try:
        found = load_json(request.body)
    except EventFormatError:  # JSON Lines, which no content type tells apart reliably
        lines = [line for line in request.body.split(b"\n") if line.strip()]
        if len(lines) < 2:
            raise
        return as_objects([_line(line) for line in lines])
    return as_objects(found["events"] if isinstance(found, dict) and "events" in found else found)


def _line(line: bytes) -> Any:
    try:
        return load_json(line)
    except EventFormatError:
        return None


def _event(item: Object, request: EventRequest) -> ProviderEvent | None:
    kind = _kind(item)
    if kind is None:
        return None
    return ProviderEvent(
        event_id=name_of(item.get("event_id")) or digest_of(item),
        kind=kind,
        at=time_of(item.get("timestamp"), default=request.received_at),
        message_id=uuid_of(part(item, "custom_variables").get("message_id")),
        provider_message_id=name_of(item.get("message_id")),
        recipient=text(item, "email"),
        detail=code_of(item.get("bounce_category")) or code_of(item.get("event")),
    )


def _kind(item: Object) -> EventKind | None:
    event = word_of(item.get("event"))
    if event == "bounce":
        word = _CATEGORIES.get(word_of(item.get("bounce_category")))
        return bounce_kind(word, read_reply(item.get("response"), item.get("response_code")))
    if event in _IGNORED or event.startswith(_AUDIT):
        return None
    return _KINDS.get(event, EventKind.NOT_UNDERSTOOD)
