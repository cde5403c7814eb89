"""The worker's side of outgoing webhooks: claim on a lease, settle only while it is ours.

A claim moves `next_attempt_at` to the end of the lease, so that what a worker had when it was lost
is due again then.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, update

from service.domain.webhooks.event import DeliveryStatus, EventType
from service.store.old_rows import OldRows
from service.store.tables.lists import MailingList
from service.store.tables.people import Subscriber
from service.store.tables.webhooks import Webhook, WebhookAttempt, WebhookDelivery
from service.store.types import new_id

_QUEUED = WebhookDelivery.status == DeliveryStatus.QUEUED.value

WEBHOOK_ATTEMPTS = OldRows(WebhookAttempt, WebhookAttempt.at)
WEBHOOK_DELIVERIES = OldRows(WebhookDelivery, WebhookDelivery.created_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueWebhook:
    """A webhook with queued deliveries, and from when on it may be called."""

    id: UUID
    due_at: datetime
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDelivery:
    """An event that is ours to deliver until the lease runs out, and where to."""

    webhook_id: UUID
    event_id: UUID
    url: str
    secret: str
    failures: int
    type: EventType
    subscriber_id: UUID
    email: str | None
    """None if the subscriber is gone."""
    list_slug: str | None
    reason: str | None
    created_at: datetime
    attempt: int
    lease_token: UUID
    lease_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """How one call went."""

    at: datetime
    status_code: int | None
    error: str | None
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """The state of a receiver: failed calls in a row, and until when it is not called."""

    failures: int
    paused_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettlement:
    """The next state of a delivery, and of its receiver, after a call."""

    status: DeliveryStatus
    next_attempt_at: datetime
    receiver: Receiver | None = None
    """None: it stays as it is."""
    disabled_reason: str | None = None
    """Set: the receiver is not called any more."""


def due_webhooks(connection: Connection) -> list[DueWebhook]:
    """Return the enabled webhooks with queued deliveries, earliest due first."""
    queued_at = (
        select(func.min(WebhookDelivery.next_attempt_at))
        .where(WebhookDelivery.webhook_id == Webhook.id, _QUEUED)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            Webhook.id, Webhook.failures, Webhook.paused_until, queued_at.label("queued_at")
        ).where(Webhook.is_enabled)
    )
    found = [
        DueWebhook(
            id=row.id,
            due_at=max(row.queued_at, row.paused_until or row.queued_at),
            failures=row.failures,
        )
        for row in rows
        if row.queued_at is not None
    ]
    return sorted(found, key=lambda each: each.due_at)


def claim(
    connection: Connection, webhook_id: UUID, *, limit: int, now: datetime, lease_until: datetime
) -> list[ClaimedDelivery]:
    """Claim up to `limit` deliveries that are due to one webhook, longest due first."""
    token = new_id()
    due = (
        select(WebhookDelivery.event_id)
        .where(
            WebhookDelivery.webhook_id == webhook_id,
            _QUEUED,
            WebhookDelivery.next_attempt_at <= now,
        )
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")  # chosen once: PostgreSQL may run a subquery again for each row
    )
    claimed = connection.scalars(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == webhook_id,
            WebhookDelivery.event_id.in_(select(due.c.event_id)),
        )
        .values(
            next_attempt_at=lease_until,
            attempts=WebhookDelivery.attempts + 1,
            lease_token=token,
        )
        .returning(WebhookDelivery.event_id)
    ).all()
    rows = connection.execute(
        select(
            WebhookDelivery.webhook_id,
            WebhookDelivery.event_id,
            Webhook.url,
            Webhook.secret,
            Webhook.failures,
            WebhookDelivery.type,
            WebhookDelivery.subscriber_id,
            Subscriber.email,
            MailingList.slug.label("list_slug"),
            WebhookDelivery.reason,
            WebhookDelivery.created_at,
            WebhookDelivery.attempts.label("attempt"),
            WebhookDelivery.lease_token,
        )
        .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
        .outerjoin(Subscriber, Subscriber.id == WebhookDelivery.subscriber_id)
        .outerjoin(MailingList, MailingList.id == WebhookDelivery.mailing_list_id)
        .where(WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.event_id.in_(claimed))
    ).mappings()
    return [
        ClaimedDelivery(**{**row, "type": EventType(row["type"])}, lease_until=lease_until)
        for row in rows
    ]


def settle(
    connection: Connection,
    delivery: ClaimedDelivery,
    call: CallRecord | None,
    settlement: WebhookSettlement,
    *,
    now: datetime,
) -> bool:
    """Log the call, if there was one, and write what follows.

    Without the lease the call is logged and nothing else: returns False.
    """
    if call is not None:
        connection.execute(
            insert(WebhookAttempt).values(
                id=new_id(),
                webhook_id=delivery.webhook_id,
                event_id=delivery.event_id,
                type=delivery.type.value,
                at=call.at,
                status_code=call.status_code,
                error=call.error,
                duration_ms=call.duration_ms,
            )
        )
    is_queued = settlement.status is DeliveryStatus.QUEUED
    is_ours = connection.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == delivery.webhook_id,
            WebhookDelivery.event_id == delivery.event_id,
            WebhookDelivery.lease_token == delivery.lease_token,
        )
        .values(
            status=settlement.status.value,
            next_attempt_at=settlement.next_attempt_at,
            lease_token=None,
            last_status=call.status_code if call else None,
            last_error=call.error if call else None,
            settled_at=None if is_queued else now,
        )
    ).rowcount
    if not is_ours:
        return False
    changes: dict[str, object] = {}
    if settlement.receiver is not None:
        changes |= {
            "failures": settlement.receiver.failures,
            "paused_until": settlement.receiver.paused_until,
        }
    if settlement.disabled_reason:
        changes |= {"is_enabled": False, "disabled_reason": settlement.disabled_reason}
    if changes:
        connection.execute(
            update(Webhook).where(Webhook.id == delivery.webhook_id).values(**changes)
        )
    return True


def lock_receiver(connection: Connection, webhook_id: UUID) -> Receiver | None:
    """Lock the webhook and return its state; None if it is gone, and its deliveries with it.

    Calls to one receiver that end at once are settled one after the other.
    """
    row = connection.execute(
        select(Webhook.failures, Webhook.paused_until)
        .where(Webhook.id == webhook_id)
        .with_for_update(key_share=True)
    ).one_or_none()
    return Receiver(failures=row.failures, paused_until=row.paused_until) if row else None


def queue_depth(connection: Connection) -> int:
    """Return how many deliveries are queued."""
    return connection.scalar(select(func.count()).select_from(WebhookDelivery).where(_QUEUED)) or 0
