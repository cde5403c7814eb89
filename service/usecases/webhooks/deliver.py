"""Telling webhooks their events: claim, call outside any transaction, settle."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.delivery.retry import MessageStatus, SendOutcome, decide
from service.domain.webhooks.event import KEEP, DeliveryStatus, EventType, pause_after, payload
from service.store.database import reading
from service.store.database_clock import shared_now
from service.store.webhooks import deliveries as store
from service.store.webhooks.deliveries import (
    WEBHOOK_ATTEMPTS,
    WEBHOOK_DELIVERIES,
    CallRecord,
    ClaimedDelivery,
    Receiver,
    WebhookSettlement,
)
from service.usecases.removal import remove_old
from service.usecases.webhooks.slots import Running, Sizes, Slots
from service.webhooks.call import TOTAL_SECONDS, Call, CallResult

LEASE = timedelta(seconds=60)
"""Far more than the longest call: what is claimed is called at once, for a slot is free for it."""
LONGEST_CALL = timedelta(seconds=TOTAL_SECONDS)
LOOK_EVERY_SECONDS = 1.0
LOOK_IN_CALLS_SECONDS = 0.25
"""How often it is looked for due events, with no calls under way and with some."""
UNLIMITED = 2**31

_log = structlog.get_logger(__name__)
_Calls = dict[Future[bool | None], Running]


class DeliverWebhooks:
    """Tells receivers their events. Any number of processes may do so at once.

    Calls are shared out by `Slots`, so that a receiver that hangs delays no other. An event is
    claimed when a slot is free for it and not before.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        call: Call,
        sizes: Sizes | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`sizes` says how many calls this process makes at once."""
        self._engine = engine
        self._call = call
        self._sizes = sizes or Sizes()
        self._slots = Slots(self._sizes)
        self._jitter = jitter

    def run(self, stop: threading.Event) -> None:
        """Tell events as they fall due, until `stop` is set; calls under way are finished.

        Raises where the database fails; run it again after a while.
        """
        calls: _Calls = {}
        with ThreadPoolExecutor(self._sizes.total, thread_name_prefix="webhook") as pool:
            while not stop.is_set():
                self._reap(calls)
                self._begin(pool, calls, UNLIMITED)
                if calls:
                    wait(calls, LOOK_IN_CALLS_SECONDS, FIRST_COMPLETED)
                else:
                    stop.wait(LOOK_EVERY_SECONDS)
        self._reap(calls)

    def run_due(self, limit: int) -> int:
        """Tell up to `limit` events that are due; return how many were called for.

        Returns when the last call has ended, for `--drain`.
        """
        begun = 0
        calls: _Calls = {}
        with ThreadPoolExecutor(self._sizes.total, thread_name_prefix="webhook") as pool:
            while True:
                begun += self._begin(pool, calls, limit - begun)
                if not calls:
                    return begun
                wait(calls, LOOK_IN_CALLS_SECONDS, FIRST_COMPLETED)
                self._reap(calls)

    def next_due_at(self) -> datetime | None:
        """Return when there will be something to tell."""
        with reading(self._engine) as connection:
            return next((each.due_at for each in store.due_webhooks(connection)), None)

    def forget_old(self) -> int:
        """Remove what is older than `KEEP`. Returns 0: nothing is left for another run."""
        for rows in (WEBHOOK_ATTEMPTS, WEBHOOK_DELIVERIES):
            remove_old(self._engine, rows, before=utc_now() - KEEP)
        return 0

    def _begin(self, pool: ThreadPoolExecutor, calls: _Calls, limit: int) -> int:
        """Begin a call for each event that is due and has a free slot; return how many.

        Each receiver gets a fair share of the slots, and the next turn goes to another.
        """
        begun = 0
        if limit < 1 or not self._slots.free_in_all():
            return begun
        now = utc_now()
        with reading(self._engine) as connection:
            due = {each.id: each for each in store.due_webhooks(connection) if each.due_at <= now}
        turns = self._slots.in_turn(list(due))
        for place, webhook_id in enumerate(turns):
            left = min(limit - begun, self._slots.free_in_all())
            is_failing = due[webhook_id].failures > 0
            free = self._slots.free(webhook_id, is_failing=is_failing)
            share = min(free, -(-left // (len(turns) - place)))
            if share < 1:
                continue
            for delivery in self._claim(webhook_id, share):
                running = self._slots.begin(webhook_id, is_failing=is_failing)
                calls[pool.submit(self._deliver, delivery)] = running
                begun += 1
        return begun

    def _claim(self, webhook_id: UUID, limit: int) -> list[ClaimedDelivery]:
        with self._engine.begin() as connection:
            now = shared_now(connection)
            return store.claim(
                connection, webhook_id, limit=limit, now=now, lease_until=now + LEASE
            )

    def _reap(self, calls: _Calls) -> None:
        """Give back the slots of the calls that have ended."""
        for future in [each for each in calls if each.done()]:
            error = future.exception()
            if error is not None:
                # The lease runs out by itself, and the event is sent again.
                _log.warning("webhook call failed", error=type(error).__name__)
            is_delivered = None if error is not None else future.result()
            self._slots.end(calls.pop(future), is_delivered=is_delivered)

    def _deliver(self, delivery: ClaimedDelivery) -> bool | None:
        """Make one call and settle it; tell whether the receiver took the event, None without a
        call.
        """
        now = utc_now()
        if now + LONGEST_CALL > delivery.lease_until:
            _log.warning("lease too short", webhook=str(delivery.webhook_id))
            return None
        if delivery.email is None and delivery.type is not EventType.ERASED:
            # The person was erased before this was sent: only the erasure is still sent.
            self._settle(delivery, None, now)
            return None
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
        self._settle(delivery, result, now)
        return result.is_delivered

    def _settle(
        self, delivery: ClaimedDelivery, result: CallResult | None, began: datetime
    ) -> None:
        now = utc_now()
        call = None
        if result is not None:
            call = CallRecord(
                at=began,
                status_code=result.status_code,
                error=result.error,
                duration_ms=result.duration_ms,
            )
        with self._engine.begin() as connection:
            receiver = store.lock_receiver(connection, delivery.webhook_id)
            if receiver is None:
                return  # removed while it was called, and its events as well
            settlement = self._settlement(delivery, result, receiver, began=began, now=now)
            is_ours = store.settle(connection, delivery, call, settlement, now=now)
        _log.info(
            "webhook settled" if is_ours else "webhook lease lost",
            webhook=str(delivery.webhook_id),
            event_id=str(delivery.event_id),
            status=settlement.status.value,
            error=call.error if call else None,
        )

    def _settlement(
        self,
        delivery: ClaimedDelivery,
        result: CallResult | None,
        receiver: Receiver,
        *,
        began: datetime,
        now: datetime,
    ) -> WebhookSettlement:
        if result is None:
            return WebhookSettlement(status=DeliveryStatus.WITHHELD, next_attempt_at=now)
        if result.is_delivered:
            well = Receiver(failures=0, paused_until=None)
            return WebhookSettlement(
                status=DeliveryStatus.DELIVERED,
                next_attempt_at=now,
                receiver=well if receiver.failures else None,
            )
        decision = decide(
            SendOutcome.REJECTED if result.is_gone else SendOutcome.TEMPORARY,
            attempt=delivery.attempt,
            created_at=delivery.created_at,
            now=now,
            jitter=self._jitter(),
        )
        has_failed = decision.status is MessageStatus.FAILED
        # Calls that were under way together fail together, and count once.
        is_news = receiver.paused_until is None or began >= receiver.paused_until
        failures = receiver.failures + 1
        pause = pause_after(failures, jitter=self._jitter())
        return WebhookSettlement(
            status=DeliveryStatus.FAILED if has_failed else DeliveryStatus.QUEUED,
            next_attempt_at=decision.next_attempt_at or now,
            receiver=Receiver(failures=failures, paused_until=now + pause) if is_news else None,
            disabled_reason="gone" if result.is_gone else None,
        )
