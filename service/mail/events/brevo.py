"""Brevo's transactional webhooks. https://developers.brevo.com/docs/transactional-webhooks,
…/docs/batched-webhooks and …/docs/secured-webhooks
"""

from service.domain.feedback import EventKind, ProviderEvent
from service.mail.events.payload import (
    Object,
    as_objects,
    digest_of,
    load_json,
    name_of,
    text,
    time_of,
    uuid_of,
)
from service.mail.events.request import EventRequest, ParsedEvents, require_secret

_KINDS = {
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "soft_bounce": EventKind.SOFT_BOUNCE,
    "blocked": EventKind.SOFT_BOUNCE,
    "hard_bounce": EventKind.HARD_BOUNCE,
    "invalid_email": EventKind.HARD_BOUNCE,
    "spam": EventKind.COMPLAINT,
    "complaint": EventKind.COMPLAINT,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
}
"""`blocked` is Brevo's own block list, which does not say why the address is on it."""


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. Brevo signs nothing: `secret` comes in Basic, as a token or in a header."""
    require_secret(request, secret)
    found = as_objects(load_json(request.body))
    events = [event for each in found if (event := _event(each, request)) is not None]
    return ParsedEvents(tuple(events), ignored=len(found) - len(events))


def _event(item: Object, request: EventRequest) -> ProviderEvent | None:
    name = text(item, "event") or ""
    kind = _KINDS.get(name)
    if kind is None:
        return None
    # `date` and `ts` are in the account's own time zone.
    moment = item.get("ts_epoch") or item.get("ts_event")
    message, recipient = name_of(item.get("message-id")), text(item, "email")
    return ProviderEvent(
        # An event has no id; `id` is the webhook's.
        event_id=digest_of(name, message, recipient, moment),
        kind=kind,
        at=time_of(moment, default=request.received_at),
        message_id=uuid_of(item.get("X-Mailin-custom")),
        provider_message_id=message,
        recipient=recipient,
        detail=name,
    )
