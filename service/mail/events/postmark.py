"""Postmark's webhooks. https://postmarkapp.com/developer/webhooks/webhooks-overview, bounce types:
https://postmarkapp.com/developer/api/bounce-api#bounce-types
"""

from service.domain.feedback import EventKind, ProviderEvent
from service.mail.events.payload import (
    Object,
    as_object,
    code_of,
    digest_of,
    load_json,
    name_of,
    part,
    text,
    time_of,
    uuid_of,
)
from service.mail.events.request import EventRequest, ParsedEvents, require_secret

_BOUNCES = {
    "HardBounce": EventKind.HARD_BOUNCE,
    "BadEmailAddress": EventKind.HARD_BOUNCE,
    "SpamComplaint": EventKind.COMPLAINT,
    "Unsubscribe": EventKind.UNSUBSCRIBED,
    "SoftBounce": EventKind.SOFT_BOUNCE,
    "Transient": EventKind.SOFT_BOUNCE,
    "DnsError": EventKind.SOFT_BOUNCE,
    "Blocked": EventKind.SOFT_BOUNCE,
    "SpamNotification": EventKind.SOFT_BOUNCE,
    "DMARCPolicy": EventKind.SOFT_BOUNCE,
}
"""Other types are answers of a robot or faults of the mail, and say nothing of the address."""

_SUPPRESSIONS = {
    "HardBounce": EventKind.HARD_BOUNCE,
    "SpamComplaint": EventKind.COMPLAINT,
    "ManualSuppression": EventKind.UNSUBSCRIBED,
}


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. Postmark signs nothing: `secret` comes in Basic or a header of the webhook."""
    require_secret(request, secret)
    item = as_object(load_json(request.body))
    kind = _kind(item)
    if kind is None:
        return ParsedEvents(ignored=1)
    moment = next(
        (found for name in ("DeliveredAt", "BouncedAt", "ChangedAt") if (found := item.get(name))),
        None,
    )
    record, message = text(item, "RecordType"), name_of(item.get("MessageID"))
    recipient = text(item, "Recipient") or text(item, "Email")
    event = ProviderEvent(
        # Only a bounce has an id.
        event_id=digest_of(record, item.get("ID"), message, recipient, moment),
        kind=kind,
        at=time_of(moment, default=request.received_at),
        message_id=uuid_of(part(item, "Metadata").get("message_id")),
        provider_message_id=message,
        recipient=recipient,
        detail=code_of(item.get("Type")) or code_of(item.get("SuppressionReason")),
    )
    return ParsedEvents((event,))


def _kind(item: Object) -> EventKind | None:
    match text(item, "RecordType"):
        case "Delivery":
            return EventKind.DELIVERED
        case "SpamComplaint":
            return EventKind.COMPLAINT
        case "Bounce":
            kind = _BOUNCES.get(text(item, "Type") or "")
            is_soft = kind in (None, EventKind.SOFT_BOUNCE)
            # Postmark sends nothing more to an address that it has made inactive.
            return EventKind.HARD_BOUNCE if is_soft and item.get("Inactive") is True else kind
        case "SubscriptionChange" if item.get("SuppressSending") is True:
            return _SUPPRESSIONS.get(text(item, "SuppressionReason") or "")
        case _:
            return None
