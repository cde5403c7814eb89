"""Telling webhooks what is owed to them: claim, call outside any transaction, settle."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.delivery import MessageStatus, Outcome, decide
from service.domain.webhook import KEEP, DeliveryStatus, EventType, pause_after, payload
from service.store import webhook_deliveries as store
from service.store.database import reading
from service.store.old_rows import WEBHOOK_ATTEMPTS, WEBHOOK_DELIVERIES
from service.store.webhook_deliveries import CallRecord, ClaimedDelivery, WebhookSettlement
from service.usecases.removal import remove_old
from service.webhooks.call import Call, CallResult

LEASE = timedelta(seconds=60)
"""More than resolving a name and the longest call take together."""
CONCURRENCY = 8
FORGET_EVERY = timedelta(hours=1)

_log = structlog.get_logger(__name__)


class DeliverWebhooks:
    """Tells receivers their events. Any number of threads and processes may do so at once."""

    def __init__(
        self,
        engine: Engine,
        *,
        call: Call,
        concurrency: int = CONCURRENCY,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`concurrency` is how many calls one `run_due` makes at once."""
        self._engine = engine
        self._call = call
        self._concurrency = concurrency
        self._jitter = jitter
        self._forgot_at: datetime | None = None

    def run_due(self, limit: int) -> int:
        """Tell up to `limit` events that are due; return how many were handled.

        Every receiver gets an equal share, and one that failed last time a single call, so that a
        slow one does not hold up the rest. Returns when the last call has ended.
        """
        claimed = self._claim(limit)
        if claimed:
            with ThreadPoolExecutor(self._concurrency, thread_name_prefix="webhook") as pool:
                for done in [pool.submit(self._deliver, each) for each in claimed]:
                    done.result()
        self._forget_old()
        return len(claimed)

    def next_due_at(self) -> datetime | None:
        """Return when there will be something to tell."""
        with reading(self._engine) as connection:
            return next((each.due_at for each in store.due_webhooks(connection)), None)

    def _claim(self, limit: int) -> list[ClaimedDelivery]:
        now = utc_now()
        with reading(self._engine) as connection:
            due = [each for each in store.due_webhooks(connection) if each.due_at <= now]
        claimed: list[ClaimedDelivery] = []
        for place, webhook in enumerate(due):
            share = -(-(limit - len(claimed)) // (len(due) - place))
            if share < 1:
                break
            with self._engine.begin() as connection:
                claimed += store.claim(
                    connection,
                    webhook.id,
                    limit=1 if webhook.failures else share,
                    now=now,
                    lease_until=now + LEASE,
                )
        return claimed

    def _deliver(self, delivery: ClaimedDelivery) -> None:
        now = utc_now()
        if delivery.email is None and delivery.type is not EventType.ERASED:
            self._settle(delivery, None, _withheld(delivery, now), now)
            return
        result = self._call(
            delivery.url,
            delivery.secret,
            event_id=delivery.event_id,
            payload=payload(
                delivery.type,
                at=delivery.created_at,
                subscriber_id=delivery.subscriber_id,
                email=delivery.email,
                list_slug=delivery.list_slug,
                reason=delivery.reason,
            ),
            now=now,
        )
        call = CallRecord(
            at=now,
            status_code=result.status_code,
            error=result.error,
            duration_ms=result.duration_ms,
        )
        ended = utc_now()
        self._settle(delivery, call, self._settlement(delivery, result, ended), ended)

    def _settlement(
        self, delivery: ClaimedDelivery, result: CallResult, now: datetime
    ) -> WebhookSettlement:
        if result.is_delivered:
            return WebhookSettlement(
                status=DeliveryStatus.DELIVERED,
                next_attempt_at=now,
                failures=0,
                paused_until=None,
            )
        decision = decide(
            Outcome.REJECTED if result.is_gone else Outcome.TEMPORARY,
            attempt=delivery.attempt,
            created_at=delivery.created_at,
            now=now,
            jitter=self._jitter(),
        )
        is_dead = decision.status is MessageStatus.DEAD
        failures = delivery.failures + 1
        return WebhookSettlement(
            status=DeliveryStatus.DEAD if is_dead else DeliveryStatus.QUEUED,
            next_attempt_at=decision.next_attempt_at or now,
            failures=failures,
            paused_until=now + pause_after(failures, jitter=self._jitter()),
            disabled_reason="gone" if result.is_gone else None,
        )

    def _settle(
        self,
        delivery: ClaimedDelivery,
        call: CallRecord | None,
        settlement: WebhookSettlement,
        now: datetime,
    ) -> None:
        with self._engine.begin() as connection:
            if not store.exists(connection, delivery.webhook_id):
                return  # removed while it was called, and all that was owed to it as well
            is_ours = store.settle(connection, delivery, call, settlement, now=now)
        _log.info(
            "webhook settled" if is_ours else "webhook lease lost",
            webhook=str(delivery.webhook_id),
            event_id=str(delivery.event_id),
            status=settlement.status.value,
            error=call.error if call else None,
        )

    def _forget_old(self) -> None:
        """Once an hour, remove what is older than `KEEP`."""
        now = utc_now()
        if self._forgot_at is None or now - self._forgot_at >= FORGET_EVERY:
            self._forgot_at = now
            for rows in (WEBHOOK_ATTEMPTS, WEBHOOK_DELIVERIES):
                remove_old(self._engine, rows, before=now - KEEP)


def _withheld(delivery: ClaimedDelivery, now: datetime) -> WebhookSettlement:
    """The person was erased before this could be told: what is left to tell is that."""
    return WebhookSettlement(
        status=DeliveryStatus.WITHHELD,
        next_attempt_at=now,
        failures=delivery.failures,
        paused_until=None,
    )
