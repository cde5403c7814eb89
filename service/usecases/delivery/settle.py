"""Writes down what calls came to, those of several threads in one transaction."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from service.clock import utc_now
from service.mail.provider import ADDRESS_UNSUPPORTED
from service.store.delivery import activity, sender_pauses, settlements
from service.store.delivery.claims import ClaimedMessage
from service.usecases.delivery.providers import ProviderPool
from service.usecases.delivery.refusals import error_of, note_senders, rejections_of
from service.usecases.delivery.routes import Routes
from service.usecases.delivery.settlement import CallResult, settle_call
from service.usecases.group_commit import GroupCommit

SETTLE_AGAIN_SECONDS = 0.5

_log = structlog.get_logger(__name__)


class Settler:
    """Settles calls. Thread-safe."""

    def __init__(
        self,
        engine: Engine,
        *,
        pool: ProviderPool,
        unknown_grace: timedelta,
        jitter: Callable[[], float],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """`jitter` gives a number in [0, 1), `pause` takes seconds."""
        self._engine = engine
        self._pool = pool
        self._unknown_grace = unknown_grace
        self._jitter = jitter
        self._pause = pause
        self._settling = GroupCommit(self._settle_all, key=lambda result: result.batch.id)

    def settle(self, result: CallResult) -> None:
        """Settle what the call came to. A database that fails is asked again until the lease ends:
        what the provider said is known nowhere else. Settling twice does no harm, for the first
        time takes the lease away.
        """
        while True:
            is_last_time = utc_now() >= result.batch.lease_until
            try:
                self._settling.submit(result)
                return
            except SQLAlchemyError as error:
                if is_last_time:
                    raise
                _log.warning("settling again", error=type(error).__name__)
                self._pause(SETTLE_AGAIN_SECONDS)

    def _settle_all(self, results: Sequence[CallResult]) -> list[bool]:
        """Settle the batches of several calls in one transaction; tell which were still ours."""
        now = utc_now()
        are_ours: list[bool] = []
        with self._engine.begin() as connection:
            for result in results:
                paused = note_senders(connection, result, now=now)
                routes = self._routes(connection, result, now)
                found, retry_at = settle_call(
                    result,
                    paused_senders=paused,
                    is_other_well=self._pool.is_any_closed(now, but=result.guarded),
                    elsewhere_at=partial(_elsewhere_at, routes, result),
                    unknown_grace=self._unknown_grace,
                    jitter=self._jitter,
                    now=now,
                )
                are_ours.append(
                    settlements.settle(connection, result.batch, found, retry_at=retry_at, now=now)
                )
            _record_activity(connection, results, now)
        for result, is_ours in zip(results, are_ours, strict=True):
            _log_result(result, is_ours=is_ours)
        return are_ours

    def _routes(self, connection: Connection, result: CallResult, now: datetime) -> Routes:
        """Return the ways to other providers, as far as anything in the call needs one."""
        needs_other = len(self._pool) > 1 and any(
            each.refuses_sender or each.error == ADDRESS_UNSUPPORTED
            for each in result.send_results.values()
        )
        pauses = sender_pauses.paused(connection, now=now) if needs_other else {}
        return Routes(pool=self._pool, now=now, pauses=pauses)


def _elsewhere_at(routes: Routes, result: CallResult, message: ClaimedMessage) -> datetime | None:
    sender = result.senders.get(message.id, "")
    return routes.next_at(message.email, sender, but=result.guarded)


def _record_activity(connection: Connection, results: Sequence[CallResult], now: datetime) -> None:
    """Count the outcomes by provider, and note how each one's breaker stands."""
    for guarded in {result.guarded.name: result.guarded for result in results}.values():
        its = [result for result in results if result.guarded is guarded]
        counts = Counter(
            send_result.outcome for result in its for send_result in result.send_results.values()
        )
        state, until = guarded.state(now)
        activity.record(
            connection, guarded.name, counts, state, until, error=error_of(its), now=now
        )


def _log_result(result: CallResult, *, is_ours: bool) -> None:
    error, rejections = error_of([result]), rejections_of(result)
    (_log.warning if error or rejections else _log.info)(
        "batch settled" if is_ours else "lease lost",
        batch=str(result.batch.id),
        provider=result.guarded.name,
        error=error,
        rejected_with=rejections,
        left_out=len(result.left_out),
        **Counter(str(send_result.outcome) for send_result in result.send_results.values()),
    )
