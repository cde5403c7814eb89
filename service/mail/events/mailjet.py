"""Mailjet's Event API. https://dev.mailjet.com/email/guides/webhooks/"""

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
from service.mail.events.request import EventRequest, ParsedEvents, require_secret

_KINDS = {
    "sent": EventKind.DELIVERED,
    "spam": EventKind.COMPLAINT,
    "unsub": EventKind.UNSUBSCRIBED,
}
_BLOCKED_FOR_GOOD = frozenset({"user unknown", "invalid domain", "no mail host", "preblocked"})
"""Errors of a `blocked` mail that lie in the address; the rest lie in the mail or its sender."""


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. Mailjet signs nothing: `secret` comes in the Basic credentials of the URL."""
    require_secret(request, secret)
    found = as_objects(load_json(request.body))
    events = [event for each in found if (event := _event(each, request)) is not None]
    return ParsedEvents(tuple(events), ignored=len(found) - len(events))


def _event(item: Object, request: EventRequest) -> ProviderEvent | None:
    kind = _kind(item)
    if kind is None:
        return None
    message, recipient = name_of(item.get("MessageID")), text(item, "email")
    return ProviderEvent(
        event_id=digest_of(item.get("event"), message, recipient, item.get("time")),
        kind=kind,
        at=time_of(item.get("time"), default=request.received_at),
        message_id=uuid_of(item.get("CustomID")),
        provider_message_id=message,
        recipient=recipient,
        detail=code_of(item.get("error")),
    )


def _kind(item: Object) -> EventKind | None:
    name, error = text(item, "event") or "", text(item, "error")
    if name == "bounce":
        if item.get("hard_bounce") is True:
            return EventKind.HARD_BOUNCE
        return EventKind.DEFERRED if error == "greylisted" else EventKind.SOFT_BOUNCE
    if name == "blocked":
        return EventKind.HARD_BOUNCE if error in _BLOCKED_FOR_GOOD else EventKind.SOFT_BOUNCE
    return _KINDS.get(name)
