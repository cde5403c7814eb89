"""Mailjet's Event API. https://dev.mailjet.com/email/guides/webhooks/"""

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

_KINDS = {
    "sent": EventKind.DELIVERED,
    "spam": EventKind.COMPLAINT,
    "unsub": EventKind.UNSUBSCRIBED,
}
_IGNORED = frozenset({"click", "open", "typofix"})
_ERRORS = {
    "userunknown": EventKind.HARD_BOUNCE,
    "invaliddomain": EventKind.HARD_BOUNCE,
    "mailboxinactive": EventKind.SOFT_BOUNCE,
    "quotaexceeded": EventKind.SOFT_BOUNCE,
    "nomailhost": EventKind.SOFT_BOUNCE,
    "preblocked": EventKind.SOFT_BOUNCE,
    "typofix": EventKind.SOFT_BOUNCE,
    "systemissue": EventKind.SOFT_BOUNCE,
    "protocolissue": EventKind.SOFT_BOUNCE,
    "connectionissue": EventKind.SOFT_BOUNCE,
    "greylisted": EventKind.BLOCKED,
    "relayaccessdenied": EventKind.BLOCKED,
    "senderblocked": EventKind.BLOCKED,
    "contentblocked": EventKind.BLOCKED,
    "policyissue": EventKind.BLOCKED,
    "spampreblocked": EventKind.BLOCKED,
    "blacklisted": EventKind.BLOCKED,
    "duplicateincampaign": EventKind.BLOCKED,
    "badoremptytemplate": EventKind.BLOCKED,
    "errorintemplatelanguage": EventKind.BLOCKED,
}
"""The error table of Mailjet's documentation. `preblocked` is an address that bounced lately, in
whatever way."""


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. Mailjet signs nothing: `secret` comes in the Basic credentials of the URL."""
    require_secret(request, secret)
    return read_each(as_objects(load_json(request.body)), lambda item: _event(item, request))


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
        detail=code_of(item.get("error")) or code_of(item.get("event")),
    )


def _kind(item: Object) -> EventKind | None:
    event, error = word_of(item.get("event")), word_of(item.get("error"))
    if event not in ("bounce", "blocked"):
        return None if event in _IGNORED else _KINDS.get(event, EventKind.NOT_UNDERSTOOD)
    if error == "spamreporter":  # the person complained earlier
        return EventKind.COMPLAINT
    is_permanent = item.get("hard_bounce") is True
    if error == "greylisted" and event == "bounce" and not is_permanent:
        return EventKind.DEFERRED
    word = _ERRORS.get(error)
    if event == "bounce" and not is_permanent and word is not EventKind.BLOCKED:
        word = EventKind.SOFT_BOUNCE
    return bounce_kind(word, read_reply(item.get("smtp_reply"), item.get("comment")))
