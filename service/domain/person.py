"""What is kept of a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from service.domain.subscription import Status, SuppressionReason


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberInfo:
    """A person's address and what is known of it."""

    id: UUID
    email: str
    email_key: str
    name: str | None
    locale: str | None
    attributes: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionInfo:
    """A subscription as it stands."""

    subscriber_id: UUID
    mailing_list_id: UUID
    status: Status
    epoch: int
    source: str | None
    consent_text_version: str | None
    requested_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    ended_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentInfo:
    """An entry of the consent ledger."""

    mailing_list_id: UUID
    epoch: int
    kind: str
    at: datetime
    source: str | None
    locale: str | None
    ip: str | None
    text_version: str | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageInfo:
    """An email to the person."""

    id: UUID
    kind: str
    status: str
    created_at: datetime
    settled_at: datetime | None
    attempts: int
    provider: str | None
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known of one person, oldest first. Of events and emails only the newest."""

    subscriptions: Sequence[SubscriptionInfo]
    consents: Sequence[ConsentInfo]
    messages: Sequence[MessageInfo]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInfo:
    """A provider's report of an email to the person."""

    provider: str
    kind: str
    at: datetime
    received_at: datetime
    message_id: UUID | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldInfo:
    """A signup of the address that waits for review."""

    id: UUID
    email: str
    name: str | None
    locale: str | None
    attributes: dict[str, Any] | None
    source: str | None
    ip: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionInfo:
    """A suppression as kept. `email_key` is None once the person is erased."""

    address_hash: str
    reason: SuppressionReason
    email_key: str | None
    note: str | None
    created_at: datetime
