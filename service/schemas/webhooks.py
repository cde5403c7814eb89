"""Outgoing webhooks, and the calls to them."""

from typing import Any

from marshmallow import Schema, fields, validate

from service.domain.webhooks.event import EventType
from service.domain.webhooks.target import MAX_URL_LENGTH
from service.schemas.fields import SLUG, JsonBoolean
from service.usecases.webhooks.receivers import WebhookView

_URL: dict[str, Any] = {
    "validate": validate.Length(min=1, max=MAX_URL_LENGTH),
    "metadata": {"description": "Where events are sent (https).", "format": "uri"},
}
_EVENTS: dict[str, Any] = {
    "validate": validate.Length(min=1, max=len(EventType)),
    "metadata": {"description": "Events to send. Default: all."},
}
_LIST: dict[str, Any] = {
    "allow_none": True,
    **SLUG,
    "metadata": {"description": "Send only events of this list (slug). Null: all lists."},
}


def _event() -> fields.String:
    return fields.String(validate=validate.OneOf(list(EventType)))


class WebhookCreateSchema(Schema):
    """A new webhook."""

    url = fields.String(required=True, **_URL)
    events = fields.List(_event(), **_EVENTS)
    list = fields.String(**_LIST)


class WebhookChangeSchema(Schema):
    """Fields of a webhook that may be changed."""

    url = fields.String(**_URL)
    events = fields.List(_event(), **_EVENTS)
    list = fields.String(**_LIST)
    is_enabled = JsonBoolean()


class WebhookSchema(Schema):
    """A webhook. `secret` is only in the response that created it."""

    id = fields.UUID()
    url = fields.String(metadata={"format": "uri"})
    events = fields.List(_event())
    list = fields.String(allow_none=True)
    is_enabled = fields.Boolean()
    disabled_reason = fields.String(
        allow_none=True, metadata={"description": "`gone`: the receiver answered 410."}
    )
    created_at = fields.AwareDateTime()
    secret = fields.String(metadata={"description": "`whsec_…`: signs every event."})


class WebhooksSchema(Schema):
    """All webhooks, oldest first."""

    webhooks = fields.List(fields.Nested(WebhookSchema))


class AttemptSchema(Schema):
    """One delivery attempt."""

    event_id = fields.UUID(metadata={"description": "The `webhook-id` of the event."})
    type = _event()
    at = fields.AwareDateTime()
    status_code = fields.Integer(allow_none=True)
    error = fields.String(
        allow_none=True, metadata={"description": "A short code; null for a 2xx."}
    )
    duration_ms = fields.Integer()


class AttemptsSchema(Schema):
    """A page of delivery attempts, newest first."""

    attempts = fields.List(fields.Nested(AttemptSchema), attribute="items")
    next_cursor = fields.String(allow_none=True)


def webhook_data(view: WebhookView) -> dict[str, Any]:
    """Return a webhook as `WebhookSchema` dumps it."""
    info = view.info
    shown: dict[str, Any] = {
        "id": info.id,
        "url": info.url,
        "events": info.events,
        "list": view.list_slug,
        "is_enabled": info.is_enabled,
        "disabled_reason": info.disabled_reason,
        "created_at": info.created_at,
    }
    return shown if view.secret is None else {**shown, "secret": view.secret}
