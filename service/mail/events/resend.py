"""Resend's webhooks. https://resend.com/docs/webhooks/introduction, …/webhooks/body-parameters and,
for the signature, …/webhooks/verify-webhooks-requests (Svix, https://www.standardwebhooks.com).
"""

from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from service.domain.delivery.feedback import EventKind, ProviderEvent
from service.domain.errors import EventAuthError
from service.mail.events.bounce import bounce_kind, read_reply
from service.mail.events.payload import (
    Object,
    as_object,
    code_of,
    digest_of,
    load_json,
    name_of,
    part,
    time_of,
    uuid_of,
    word_of,
)
from service.mail.events.request import EventRequest, ParsedEvents, read_each

_KINDS = {
    "emaildelivered": EventKind.DELIVERED,
    "emaildeliverydelayed": EventKind.DEFERRED,
    "emailcomplained": EventKind.COMPLAINT,
    "emailfailed": EventKind.BLOCKED,
}
_IGNORED = frozenset(
    {"emailsent", "emailscheduled", "emailopened", "emailclicked", "emailreceived"}
)
_OTHER_RESOURCES = ("contact", "domain", "suppression")
_BOUNCES = {
    "general": EventKind.HARD_BOUNCE,
    "noemail": EventKind.HARD_BOUNCE,
    "suppressed": EventKind.HARD_BOUNCE,
}
"""Of a permanent bounce: the receiver's server refused the address, or does not have it."""
_MAIL_ITSELF = frozenset({"messagetoolarge", "contentrejected", "attachmentrejected"})
_SUPPRESSED = (
    ("complaint", EventKind.COMPLAINT),
    ("complained", EventKind.COMPLAINT),
    ("unsubscribe", EventKind.UNSUBSCRIBED),
    ("bounce", EventKind.HARD_BOUNCE),
)
"""Why Resend kept an email back, by what its word for it holds."""


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. `secret` is the webhook's signing secret, `whsec_…`.

    A repeated request is signed again, so the library's five minutes lose none of them; its id
    stays the same and is the event's.
    """
    names = {f"webhook-{name}": _header(request, name) for name in ("id", "timestamp", "signature")}
    try:
        Webhook(secret).verify(request.body, names, json_parse=False)
    except (WebhookVerificationError, ValueError, RuntimeError):
        raise EventAuthError("The signature is missing, wrong or old.") from None
    event_id = name_of(names["webhook-id"]) or digest_of(names["webhook-id"])
    body = as_object(load_json(request.body))
    return read_each([body], lambda item: _event(item, event_id, request))


def _event(body: Object, event_id: str, request: EventRequest) -> ProviderEvent | None:
    kind, data = _kind(body), part(body, "data")
    if kind is None:
        return None
    return ProviderEvent(
        event_id=event_id,
        kind=kind,
        at=time_of(body.get("created_at"), default=request.received_at),
        message_id=uuid_of(_tag(data.get("tags"), "message_id")),
        provider_message_id=name_of(data.get("email_id")),
        recipient=_recipient(data),
        detail=code_of(part(data, "bounce").get("subType"))
        or code_of(part(data, "suppressed").get("type"))
        or code_of(body.get("type")),
    )


def _header(request: EventRequest, name: str) -> str:
    """Svix has names of its own for the headers that Standard Webhooks then settled."""
    return request.headers.get(f"svix-{name}") or request.headers.get(f"webhook-{name}", "")


def _kind(body: Object) -> EventKind | None:
    type_, data = word_of(body.get("type")), part(body, "data")
    if type_ == "emailbounced":
        return _bounce(part(data, "bounce"))
    if type_ == "emailsuppressed":
        return _suppressed(data)
    if type_ in _IGNORED or type_.startswith(_OTHER_RESOURCES):
        return None
    return _KINDS.get(type_, EventKind.NOT_UNDERSTOOD)


def _bounce(bounce: Object) -> EventKind:
    """Types and subtypes are those of SES."""
    type_, subtype = word_of(bounce.get("type")), word_of(bounce.get("subType"))
    word = None
    if subtype in _MAIL_ITSELF:
        word = EventKind.BLOCKED
    elif type_ == "permanent":
        word = _BOUNCES.get(subtype)
    elif type_:
        word = EventKind.SOFT_BOUNCE  # `Transient` or `Undetermined`
    return bounce_kind(word, read_reply(bounce.get("diagnosticCode"), bounce.get("message")))


def _suppressed(data: Object) -> EventKind:
    """The documentation and the payloads name the reason in more than one place."""
    places = [part(data, name) for name in ("suppressed", "suppression", "bounce")]
    words = [
        word_of(place.get(name))
        for place in (*places, data)
        for name in ("type", "reason", "subType", "suppressed", "suppression")
    ]
    for given, kind in _SUPPRESSED:
        if any(given in word for word in words):
            return kind
    return EventKind.SOFT_BOUNCE


def _tag(tags: Any, name: str) -> Any:
    """Return a tag's value; the documentation shows tags as a list of pairs and as an object."""
    if isinstance(tags, dict):
        return tags.get(name)
    pairs = [each for each in tags if isinstance(each, dict)] if isinstance(tags, list) else []
    return next((each.get("value") for each in pairs if each.get("name") == name), None)


def _recipient(data: Object) -> str | None:
    to = data.get("to")
    first = to[0] if isinstance(to, list) and to else to
    return first if isinstance(first, str) else None
