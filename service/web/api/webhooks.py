"""Outgoing webhooks, for administrators: who gets which events, and each delivery attempt."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from service.domain.access.roles import Role
from service.domain.webhooks.webhook import AttemptInfo
from service.schemas.paging import PageSchema
from service.schemas.webhooks import (
    AttemptsSchema,
    WebhookChangeSchema,
    WebhookCreateSchema,
    WebhookSchema,
    WebhooksSchema,
    webhook_data,
)
from service.usecases.paging import Page
from service.web.http.auth import actor, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

DESCRIPTION = """Outgoing webhooks

Events are POSTed to the receiver, signed per Standard Webhooks: `webhook-id`, `webhook-timestamp`
and `webhook-signature` sign a body of `type`, `timestamp` and `data`. Each event is sent at least
once, in no guaranteed order, and retried for up to three days with the same `webhook-id`. Any 2xx
accepts it, 410 disables the webhook, and redirects are not followed."""

webhooks_api = JsonBlueprint(
    "webhooks", __name__, url_prefix="/v1/webhooks", description=DESCRIPTION
)


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
@webhooks_api.alt_response(404, description="There is no such list.")
def create_webhook(data: dict[str, Any]) -> dict[str, Any]:
    """Create a webhook. Its secret is shown only once, in this response."""
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
    """Change a webhook. Enabling it sends its queued deliveries."""
    return webhook_data(services().webhooks.update(webhook_id, data, actor=actor()))


@webhooks_api.delete("/<uuid:webhook_id>")
@requires(Role.ADMIN)
@webhooks_api.response(204)
@webhooks_api.alt_response(404, description="There is no such webhook.")
def delete_webhook(webhook_id: UUID) -> tuple[str, HTTPStatus]:
    """Delete a webhook and its queued deliveries."""
    services().webhooks.delete(webhook_id, actor=actor())
    return "", HTTPStatus.NO_CONTENT


@webhooks_api.get("/<uuid:webhook_id>/attempts")
@requires(Role.ADMIN)
@webhooks_api.arguments(PageSchema, location="query")
@webhooks_api.response(200, AttemptsSchema)
@webhooks_api.alt_response(404, description="There is no such webhook.")
def attempts(page: dict[str, Any], webhook_id: UUID) -> Page[AttemptInfo]:
    """List the delivery attempts of the last 30 days, newest first."""
    return services().webhooks.attempts(webhook_id, **page)
