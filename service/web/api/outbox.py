"""The outbox, for administrators: emails that need a person."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from service.domain.access.roles import Role
from service.domain.delivery.retry import MessageStatus
from service.domain.subscription import MessageKind
from service.usecases.delivery.outbox import MessageView
from service.web.http.auth import actor, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

MAX_PAGE = 200

outbox_api = JsonBlueprint(
    "outbox", __name__, url_prefix="/v1/outbox", description="Emails that the service has promised"
)


class OutboxPageSchema(Schema):
    """Which messages."""

    status = fields.Enum(
        MessageStatus,
        by_value=True,
        metadata={
            "description": "`failed` are the emails that need a person. Leave empty for all."
        },
    )
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE))
    cursor = fields.UUID(metadata={"description": "`next_cursor` of the page before."})


class MessageSchema(Schema):
    """A message without its text and address; `subscriber_id` leads to the person."""

    id = fields.UUID()
    kind = fields.Enum(MessageKind, by_value=True)
    status = fields.Enum(MessageStatus, by_value=True)
    subscriber_id = fields.UUID()
    lists = fields.List(fields.String())
    created_at = fields.AwareDateTime()
    next_attempt_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "With `queued` only."}
    )
    attempts = fields.Integer()
    provider = fields.String(allow_none=True)
    last_error = fields.String(
        allow_none=True, metadata={"description": "A short code of the provider's adapter."}
    )
    settled_at = fields.AwareDateTime(allow_none=True)
    retried_at = fields.AwareDateTime(allow_none=True)


class MessagesSchema(Schema):
    """A page of messages, newest first."""

    messages = fields.List(fields.Nested(MessageSchema))
    next_cursor = fields.UUID(allow_none=True)


@outbox_api.get("")
@requires(Role.ADMIN)
@outbox_api.arguments(OutboxPageSchema, location="query")
@outbox_api.response(200, MessagesSchema)
def messages(page: dict[str, Any]) -> dict[str, Any]:
    """List emails, newest first."""
    limit = page["limit"]
    found = services().outbox.page(
        status=page.get("status"), limit=limit, before=page.get("cursor")
    )
    return page_data(found, limit=limit)


@outbox_api.post("/<uuid:message_id>/retry")
@requires(Role.ADMIN)
@outbox_api.response(200, MessageSchema)
@outbox_api.alt_response(404, description="There is no such message.")
@outbox_api.alt_response(409, description="It has not failed, or its confirm link is too old.")
def retry(message_id: UUID) -> dict[str, Any]:
    """Queue a failed message again; it has three more days."""
    return _shown(services().outbox.retry(message_id, actor=actor()))


def page_data(found: Sequence[MessageView], *, limit: int) -> dict[str, Any]:
    """Return a page of so many as `MessagesSchema` dumps it."""
    return {
        "messages": [_shown(view) for view in found],
        "next_cursor": found[-1].info.id if len(found) == limit else None,
    }


def _shown(view: MessageView) -> dict[str, Any]:
    info = view.info
    return {
        "id": info.id,
        "kind": info.kind,
        "status": info.status,
        "subscriber_id": info.scope.subscriber_id,
        "lists": view.lists,
        "created_at": info.created_at,
        "next_attempt_at": info.next_attempt_at if info.status is MessageStatus.QUEUED else None,
        "attempts": info.attempts,
        "provider": info.provider,
        "last_error": info.last_error,
        "settled_at": info.settled_at,
        "retried_at": info.retried_at,
    }
