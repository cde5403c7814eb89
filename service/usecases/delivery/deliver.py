"""Delivery: claim, compose, call the mail API outside any transaction, settle."""

import random
import time
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Engine

from service.store.delivery.claims import ClaimedBatch
from service.tokens import Tokens
from service.usecases.delivery.call import Caller
from service.usecases.delivery.claim import Claimer
from service.usecases.delivery.compose import Composer, MailSettings
from service.usecases.delivery.providers import ProviderPool
from service.usecases.delivery.settle import Settler
from service.usecases.lists.lists import Lists

__all__ = ["Deliver", "MailSettings"]

_log = structlog.get_logger(__name__)


class Deliver:
    """Hands emails to providers. One thread claims; any number of threads and processes deliver."""

    def __init__(
        self,
        engine: Engine,
        *,
        pool: ProviderPool,
        lists: Lists,
        tokens: Tokens,
        settings: MailSettings,
        jitter: Callable[[], float] = random.random,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """`pool` holds the providers; `jitter` gives a number in [0, 1), `pause` takes seconds."""
        self._pool = pool
        self._claimer = Claimer(
            engine,
            pool=pool,
            lists=lists,
            sender=settings.sender,
            unknown_grace=settings.unknown_grace,
        )
        self._caller = Caller(
            engine,
            pool=pool,
            composer=Composer(lists=lists, tokens=tokens, settings=settings),
            address_hash_key=settings.address_hash_key,
        )
        self._settler = Settler(
            engine, pool=pool, unknown_grace=settings.unknown_grace, jitter=jitter, pause=pause
        )

    def claim(self, *, calls: int) -> list[ClaimedBatch]:
        """See `Claimer.claim`."""
        return self._claimer.claim(calls=calls)

    def deliver(self, batch: ClaimedBatch) -> None:
        """Make the batch's one call and settle each of its messages.

        Where the lease is too short for a call, nothing is done: the worker that finds it expired
        goes on.
        """
        guarded = self._pool.by_name(batch.provider)
        was_made = True
        try:
            result = self._caller.call(guarded, batch)
            if result is None:
                _log.warning("lease too short", batch=str(batch.id), provider=batch.provider)
            else:
                was_made = bool(result.send_results)
                self._settler.settle(result)
        finally:
            guarded.end(was_made=was_made)

    def next_due_at(self) -> datetime | None:
        """See `Claimer.next_due_at`."""
        return self._claimer.next_due_at()

    def is_any_due(self) -> bool:
        """See `Claimer.is_any_due`."""
        return self._claimer.is_any_due()
