"""Resend's webhooks. https://resend.com/docs/webhooks/introduction, …/webhooks/body-parameters and,
for the signature, …/webhooks/verify-webhooks-requests (Svix, https://www.standardwebhooks.com).
"""

from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from service.domain.errors import EventAuthError
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
from service.mail.events.request import EventRequest, ParsedEvents

_KINDS = {
    "email.delivered": EventKind.DELIVERED,
    "email.delivery_delayed": EventKind.DEFERRED,
    "email.bounced": EventKind.HARD_BOUNCE,
    "email.suppressed": EventKind.HARD_BOUNCE,
    "email.complained": EventKind.COMPLAINT,
}


def parse(request: EventRequest, secret: str) -> ParsedEvents:
    """See `Parser`. `secret` is the webhook's signing secret, `whsec_…`.

    A repeated request is signed anew, so the library's five minutes lose none of them; its id stays
    the same and is the event's.
    """
    names = {f"webhook-{name}": _header(request, name) for name in ("id", "timestamp", "signature")}
    try:
        Webhook(secret).verify(request.body, names, json_parse=False)
    except (WebhookVerificationError, ValueError, RuntimeError):
        raise EventAuthError("The signature is missing, wrong or old.") from None
    body = as_object(load_json(request.body))
    kind = _kind(body)
    if kind is None:
        return ParsedEvents(ignored=1)
    data = part(body, "data")
    event = ProviderEvent(
        event_id=name_of(names["webhook-id"]) or digest_of(names["webhook-id"]),
        kind=kind,
        at=time_of(body.get("created_at"), default=request.received_at),
        message_id=uuid_of(_tag(data.get("tags"), "message_id")),
        provider_message_id=name_of(data.get("email_id")),
        recipient=_recipient(data),
        detail=code_of(part(data, "bounce").get("subType")),
    )
    return ParsedEvents((event,))


def _header(request: EventRequest, name: str) -> str:
    """Svix has names of its own for the headers that Standard Webhooks then settled."""
    return request.headers.get(f"svix-{name}") or request.headers.get(f"webhook-{name}", "")


def _kind(body: Object) -> EventKind | None:
    kind = _KINDS.get(text(body, "type") or "")
    bounce = part(part(body, "data"), "bounce")
    if kind is EventKind.HARD_BOUNCE and bounce.get("type", "Permanent") != "Permanent":
        return EventKind.SOFT_BOUNCE  # `Transient` or `Undetermined`
    return kind


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
