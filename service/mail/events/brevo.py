"""Brevo's transactional webhooks. https://developers.brevo.com/docs/transactional-webhooks,
…/docs/batched-webhooks and …/docs/secured-webhooks
"""

from service.domain.delivery.feedback import EventKind, ProviderEvent
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
from service.mail.events.request import EventRequest, ParsedEvents, read_each, require_secret

_BOUNCES = {
    "blocked": EventKind.BLOCKED,
    "error": EventKind.BLOCKED,
    "hardbounce": EventKind.HARD_BOUNCE,
    "invalid": EventKind.HARD_BOUNCE,
    "invalidemail": EventKind.HARD_BOUNCE,
    "softbounce": EventKind.SOFT_BOUNCE,
}
"""`blocked` is Brevo's own block list, which does not say why the address is on it."""
_KINDS = {
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "spam": EventKind.COMPLAINT,
    "complaint": EventKind.COMPLAINT,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
}
_IGNORED = frozenset(
    {
        "click",
        "clicked",
        "contactdeleted",
        "contactupdated",
        "firstopening",
        "inboundemailprocessed",
        "listaddition",
        "loadedbyproxy",
        "open",
        "opened",
        "proxyopen",
        "request",
        "sent",
        "uniqueopened",
        "uniqueproxyopen",
    }
)


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. Brevo signs nothing: `secret` comes in Basic, as a token or in a header."""
    require_secret(request, secret)
    return read_each(as_objects(load_json(request.body)), lambda item: _event(item, request))


def _event(item: Object, request: EventRequest) -> ProviderEvent | None:
    name = text(item, "event") or ""
    kind = _kind(item)
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
        detail=code_of(name),
    )


def _kind(item: Object) -> EventKind | None:
    word = word_of(item.get("event"))
    if word in _BOUNCES:
        return bounce_kind(_BOUNCES[word], read_reply(item.get("reason")))
    return None if word in _IGNORED else _KINDS.get(word, EventKind.NOT_UNDERSTOOD)
