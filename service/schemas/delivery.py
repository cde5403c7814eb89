"""The outbox, and what mail APIs report of its emails."""

from typing import Any

from marshmallow import Schema, fields

from service.domain.delivery.retry import MessageStatus
from service.domain.subscription import MessageKind
from service.schemas.paging import PageSchema
from service.usecases.delivery.outbox import MessageView
from service.usecases.paging import Page


class OutboxPageSchema(PageSchema):
    """Which emails."""

    status = fields.Enum(
        MessageStatus,
        by_value=True,
        metadata={
            "description": "`failed` are the emails that need a person. Leave empty for all."
        },
    )


class MessageSchema(Schema):
    """An email without its text and address; `subscriber_id` names the person."""

    id = fields.UUID()
    kind = fields.Enum(MessageKind, by_value=True)
    status = fields.Enum(MessageStatus, by_value=True)
    subscriber_id = fields.UUID()
    lists = fields.List(fields.String())
    created_at = fields.AwareDateTime()
    next_attempt_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "Only with status `queued`."}
    )
    attempts = fields.Integer()
    provider = fields.String(allow_none=True)
    last_error = fields.String(
        allow_none=True, metadata={"description": "A short code of the provider's adapter."}
    )
    settled_at = fields.AwareDateTime(allow_none=True)
    retried_at = fields.AwareDateTime(allow_none=True)


class MessagesSchema(Schema):
    """A page of emails, newest first."""

    messages = fields.List(fields.Nested(MessageSchema))
    next_cursor = fields.String(allow_none=True)


def messages_data(page: Page[MessageView]) -> dict[str, Any]:
    """Return a page as `MessagesSchema` dumps it."""
    return {
        "messages": [message_data(view) for view in page.items],
        "next_cursor": page.next_cursor,
    }


def message_data(view: MessageView) -> dict[str, Any]:
    """Return a message as `MessageSchema` dumps it."""
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


class FeedbackSchema(Schema):
    """How many events had which result."""

    applied = fields.Integer()
    duplicates = fields.Integer(metadata={"description": "Already known. Nothing was done again."})
    unmatched = fields.Integer(
        attribute="unknown",
        data_key="unknown",
        metadata={
            "description": "Not for an email of this service, or for one whose id is not known yet."
        },
    )
    ignored = fields.Integer(metadata={"description": "Of a kind that this service does not use."})
    not_understood = fields.Integer(
        metadata={"description": "Of an unknown type, or not an event. Nothing was done."}
    )
