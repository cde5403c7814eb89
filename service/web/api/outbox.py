"""The outbox, for administrators: emails that need a person."""

from typing import Any
from uuid import UUID

from service.domain.access.roles import Role
from service.schemas.delivery import (
    MessageSchema,
    MessagesSchema,
    OutboxPageSchema,
    message_data,
    messages_data,
)
from service.web.http.auth import actor, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

outbox_api = JsonBlueprint(
    "outbox", __name__, url_prefix="/v1/outbox", description="Emails that the service sends"
)


@outbox_api.get("")
@requires(Role.ADMIN)
@outbox_api.arguments(OutboxPageSchema, location="query")
@outbox_api.response(200, MessagesSchema)
def messages(page: dict[str, Any]) -> dict[str, Any]:
    """List emails, newest first."""
    return messages_data(services().outbox.page(**page))


@outbox_api.post("/<uuid:message_id>/retry")
@requires(Role.ADMIN)
@outbox_api.response(200, MessageSchema)
@outbox_api.alt_response(404, description="There is no such email.")
@outbox_api.alt_response(409, description="It has not failed, or its confirm link has expired.")
def retry(message_id: UUID) -> dict[str, Any]:
    """Queue a failed email again. It has three more days."""
    return message_data(services().outbox.retry(message_id, actor=actor()))
