"""Webhooks, and the calls to them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.domain.webhooks.event import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookInfo:
    """A webhook as it may be shown: everything but its secret."""

    id: UUID
    url: str
    events: tuple[EventType, ...]
    mailing_list_id: UUID | None
    is_enabled: bool
    disabled_reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptInfo:
    """One call to a receiver, as the log has it."""

    id: UUID
    event_id: UUID
    type: EventType
    at: datetime
    status_code: int | None
    error: str | None
    duration_ms: int
