"""Postmark's webhooks. https://postmarkapp.com/developer/webhooks/webhooks-overview, bounce types:
https://postmarkapp.com/developer/api/bounce-api#bounce-types
"""

from service.domain.delivery.feedback import EventKind, ProviderEvent
from service.mail.events.bounce import bounce_kind, read_reply
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
    word_of,
)
from service.mail.events.request import EventRequest, ParsedEvents, read_each, require_secret

_BOUNCES = {
    "hardbounce": EventKind.HARD_BOUNCE,
    "bademailaddress": EventKind.HARD_BOUNCE,
    "softbounce": EventKind.SOFT_BOUNCE,
    "dnserror": EventKind.SOFT_BOUNCE,
    "blocked": EventKind.BLOCKED,
    "dmarcpolicy": EventKind.BLOCKED,
    "manuallydeactivated": EventKind.BLOCKED,
    "smtpapierror": EventKind.BLOCKED,
    "spamnotification": EventKind.BLOCKED,
    "templaterenderingfailed": EventKind.BLOCKED,
    "unconfirmed": EventKind.BLOCKED,
    "virusnotification": EventKind.BLOCKED,
}
"""Types that mean that the email did not arrive."""
_OTHER_TYPES = {
    "spamcomplaint": EventKind.COMPLAINT,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "transient": EventKind.DEFERRED,
}
_IGNORED_TYPES = frozenset(
    {
        "addresschange",
        "autoresponder",
        "challengeverification",
        "inbounderror",
        "openrelaytest",
        "subscribe",
    }
)
"""Answers of robots, and what is not about an email of ours."""

_SUPPRESSIONS = {
    "hardbounce": EventKind.HARD_BOUNCE,
    "spamcomplaint": EventKind.COMPLAINT,
    "manualsuppression": EventKind.UNSUBSCRIBED,
}
_RECORDS = {"delivery": EventKind.DELIVERED, "spamcomplaint": EventKind.COMPLAINT}
_IGNORED_RECORDS = frozenset({"open", "click", "inbound"})


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. Postmark signs nothing: `secret` comes in Basic or a header of the webhook."""
    require_secret(request, secret)
    return read_each([as_object(load_json(request.body))], lambda item: _event(item, request))


def _event(item: Object, request: EventRequest) -> ProviderEvent | None:
    kind = _kind(item)
    if kind is None:
        return None
    moment = next(
        (found for name in ("DeliveredAt", "BouncedAt", "ChangedAt") if (found := item.get(name))),
        None,
    )
    record, message = text(item, "RecordType"), name_of(item.get("MessageID"))
    recipient = text(item, "Recipient") or text(item, "Email")
    return ProviderEvent(
        # Only a bounce has an id.
        event_id=digest_of(record, item.get("ID"), message, recipient, moment),
        kind=kind,
        at=time_of(moment, default=request.received_at),
        message_id=uuid_of(part(item, "Metadata").get("message_id")),
        provider_message_id=message,
        recipient=recipient,
        detail=code_of(item.get("Type"))
        or code_of(item.get("SuppressionReason"))
        or code_of(record),
    )


def _kind(item: Object) -> EventKind | None:
    record = word_of(item.get("RecordType"))
    if record == "bounce":
        type_ = word_of(item.get("Type"))
        if type_ in _BOUNCES:
            return bounce_kind(_BOUNCES[type_], read_reply(item.get("Details")))
        if type_ in _IGNORED_TYPES:
            return None
        return _OTHER_TYPES.get(type_, EventKind.NOT_UNDERSTOOD)
    if record == "subscriptionchange":
        if item.get("SuppressSending") is False:
            return None  # mailed again
        if item.get("SuppressSending") is not True:
            return EventKind.NOT_UNDERSTOOD
        return _SUPPRESSIONS.get(word_of(item.get("SuppressionReason")), EventKind.NOT_UNDERSTOOD)
    if record in _IGNORED_RECORDS:
        return None
    return _RECORDS.get(record, EventKind.NOT_UNDERSTOOD)
