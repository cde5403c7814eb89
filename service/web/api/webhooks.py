"""Outgoing webhooks, for administrators: who is told what, and how that went."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from service.domain.access.roles import Role
from service.domain.webhooks.event import EventType
from service.domain.webhooks.target import MAX_URL_LENGTH
from service.schemas.fields import JsonBoolean
from service.store.webhooks.receivers import AttemptInfo
from service.usecases.webhooks.receivers import WebhookView
from service.web.http.auth import actor, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

MAX_PAGE = 200
DESCRIPTION = """Outgoing webhooks

Events are POSTed to the receiver as Standard Webhooks lays down: `webhook-id`, `webhook-timestamp`
and `webhook-signature` sign a body of `type`, `timestamp` and `data`. Each is told at least once,
in no promised order, for up to three days; `webhook-id` is the same every time. Any 2xx takes the
event, 410 disables the webhook, and redirects are not followed."""

webhooks_api = JsonBlueprint(
    "webhooks", __name__, url_prefix="/v1/webhooks", description=DESCRIPTION
)

_URL: dict[str, Any] = {
    "validate": validate.Length(min=1, max=MAX_URL_LENGTH),
    "metadata": {"description": "Where events go; https.", "format": "uri"},
}
_EVENTS: dict[str, Any] = {
    "validate": validate.Length(min=1, max=len(EventType)),
    "metadata": {"description": "Events to be told; all of them where left out."},
}
_LIST: dict[str, Any] = {
    "allow_none": True,
    "validate": validate.Length(min=1, max=64),
    "metadata": {"description": "Slug of the one list that this is about; null: every list."},
}


def _event() -> fields.String:
    return fields.String(validate=validate.OneOf(list(EventType)))


class WebhookCreateSchema(Schema):
    """A webhook to be made."""

    url = fields.String(required=True, **_URL)
    events = fields.List(_event(), **_EVENTS)
    list = fields.String(**_LIST)


class WebhookChangeSchema(Schema):
    """What of a webhook may be changed."""

    url = fields.String(**_URL)
    events = fields.List(_event(), **_EVENTS)
    list = fields.String(**_LIST)
    is_enabled = JsonBoolean()


class WebhookSchema(Schema):
    """A webhook. `secret` is there only in the answer that made it."""

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


class PageSchema(Schema):
    """Which page of a list."""

    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE))
    cursor = fields.UUID(metadata={"description": "`next_cursor` of the page before."})


class AttemptSchema(Schema):
    """One call to the receiver."""

    event_id = fields.UUID(metadata={"description": "The `webhook-id` of the call."})
    type = _event()
    at = fields.AwareDateTime()
    status_code = fields.Integer(allow_none=True)
    error = fields.String(
        allow_none=True, metadata={"description": "A short code; null for a 2xx."}
    )
    duration_ms = fields.Integer()


class AttemptsSchema(Schema):
    """A page of calls, newest first."""

    attempts = fields.List(fields.Nested(AttemptSchema))
    next_cursor = fields.UUID(allow_none=True)


@webhooks_api.get("")
@requires(Role.ADMIN)
@webhooks_api.response(200, WebhooksSchema)
def all_webhooks() -> dict[str, Any]:
    """List the webhooks."""
    return {"webhooks": [webhook_data(view) for view in services().webhooks.all()]}


@webhooks_api.post("")
@requires(Role.ADMIN)
@webhooks_api.arguments(WebhookCreateSchema)
@webhooks_api.response(201, WebhookSchema)
@webhooks_api.alt_response(404, description="The list is unknown.")
def create_webhook(data: dict[str, Any]) -> dict[str, Any]:
    """Make a webhook. Its secret is in this answer and in no other."""
    view = services().webhooks.create(
        url=data["url"], events=data.get("events", ()), list_slug=data.get("list"), actor=actor()
    )
    return webhook_data(view)


@webhooks_api.get("/<uuid:webhook_id>")
@requires(Role.ADMIN)
@webhooks_api.response(200, WebhookSchema)
@webhooks_api.alt_response(404, description="There is no such webhook.")
def webhook(webhook_id: UUID) -> dict[str, Any]:
    """Show one webhook."""
    return webhook_data(services().webhooks.get(webhook_id))


@webhooks_api.patch("/<uuid:webhook_id>")
@requires(Role.ADMIN)
@webhooks_api.arguments(WebhookChangeSchema)
@webhooks_api.response(200, WebhookSchema)
@webhooks_api.alt_response(404, description="There is no such webhook, or no such list.")
def change_webhook(data: dict[str, Any], webhook_id: UUID) -> dict[str, Any]:
    """Change a webhook; enabling one tells it what is still owed to it."""
    return webhook_data(services().webhooks.update(webhook_id, data, actor=actor()))


@webhooks_api.delete("/<uuid:webhook_id>")
@requires(Role.ADMIN)
@webhooks_api.response(204)
@webhooks_api.alt_response(404, description="There is no such webhook.")
def delete_webhook(webhook_id: UUID) -> tuple[str, HTTPStatus]:
    """Remove a webhook and what is still owed to it."""
    services().webhooks.delete(webhook_id, actor=actor())
    return "", HTTPStatus.NO_CONTENT


@webhooks_api.get("/<uuid:webhook_id>/attempts")
@requires(Role.ADMIN)
@webhooks_api.arguments(PageSchema, location="query")
@webhooks_api.response(200, AttemptsSchema)
@webhooks_api.alt_response(404, description="There is no such webhook.")
def attempts(page: dict[str, Any], webhook_id: UUID) -> dict[str, Any]:
    """List the calls of the last 30 days, newest first."""
    limit = page["limit"]
    found = services().webhooks.attempts(webhook_id, limit=limit, before=page.get("cursor"))
    return attempts_data(found, limit=limit)


def attempts_data(found: Sequence[AttemptInfo], *, limit: int) -> dict[str, Any]:
    """Return a page of so many calls as `AttemptsSchema` dumps it."""
    return {"attempts": found, "next_cursor": found[-1].id if len(found) == limit else None}


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
