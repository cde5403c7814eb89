"""Claims due messages on a lease, for the provider that takes them now."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle

from sqlalchemy import Connection, Engine

from service.clock import utc_now
from service.domain.delivery.retry import BATCH_LEASE
from service.store.database import reading
from service.store.database_clock import shared_now
from service.store.delivery import claims as store
from service.store.delivery import sender_pauses, takeover
from service.store.delivery.claims import ClaimedBatch
from service.usecases.delivery.providers import GuardedProvider, ProviderPool
from service.usecases.delivery.reroute import Reroute
from service.usecases.delivery.routes import Routes
from service.usecases.lists.lists import Lists

STALE_EVERY = timedelta(seconds=1)


class Claimer:
    """Claims batches. One thread may claim at a time; any number of processes may."""

    def __init__(
        self,
        engine: Engine,
        *,
        pool: ProviderPool,
        lists: Lists,
        sender: str,
        unknown_grace: timedelta,
    ) -> None:
        """`sender` is that of lists without one of their own; `unknown_grace` is how long a call of
        unknown outcome rests before its messages go out in a new call.
        """
        self._engine = engine
        self._pool = pool
        self._unknown_grace = unknown_grace
        self._reroute = Reroute(engine, lists=lists, sender=sender)
        # Emails that go alone come first in every second claim, for a backlog may never end.
        self._turns = cycle(((False, True), (True, False)))
        self._found_any = False
        self._looked_for_stale_at = datetime.min.replace(tzinfo=UTC)

    def claim(self, *, calls: int) -> list[ClaimedBatch]:
        """Claim what up to `calls` calls can carry, for the first provider that takes any.

        A batch whose outcome is unknown comes first: for the same call again while the provider
        remembers its key, and in a new call once the grace is over where it has none, or where it
        is paused and another provider is well.
        """
        now = utc_now()
        free = [each for each in self._pool if each.free_calls(now)]
        if not free or calls < 1:
            return []
        guarded = self._pool.first_free(now)
        routes: Routes | None = None
        with self._engine.begin() as connection:
            now = shared_now(connection)
            lease_until = now + BATCH_LEASE
            claimed = self._stale(connection, free, guarded, now, lease_until)
            for alone in next(self._turns):
                if guarded is not None and not claimed:
                    claimed = store.claim_due(
                        connection,
                        provider=guarded.name,
                        batch_size=1 if alone else guarded.provider.batch_size,
                        batches=min(calls, guarded.free_calls(now)),
                        now=now,
                        lease_until=lease_until,
                        alone=alone,
                    )
                    if claimed and len(self._pool) > 1:
                        pauses = sender_pauses.paused(connection, now=now)
                        routes = Routes(pool=self._pool, now=now, pauses=pauses)
        if routes is not None:
            claimed = self._reroute(claimed, routes)
        for batch in claimed:
            self._pool.by_name(batch.provider).begin(1, now)
        self._found_any = bool(claimed)
        return claimed

    def _stale(
        self,
        connection: Connection,
        free: Sequence[GuardedProvider],
        guarded: GuardedProvider | None,
        now: datetime,
        lease_until: datetime,
    ) -> list[ClaimedBatch]:
        """Claim a batch whose lease ran out, if there is one. While there is other work, look once
        in `STALE_EVERY` only: the look is half of what a claim of few messages costs.
        """
        if self._found_any and abs(now - self._looked_for_stale_at) < STALE_EVERY:
            return []
        self._looked_for_stale_at = now
        idempotent = [each for each in self._pool if each.provider.key_life]
        takeover.requeue_stale(
            connection,
            keys_hold_since={each.name: now - each.provider.key_life for each in idempotent},
            hand_on=[
                each.name
                for each in idempotent
                if each.is_open(now) and guarded is not None and guarded.is_closed(now)
            ],
            called_before=now - self._unknown_grace,
            now=now,
        )
        stale = takeover.claim_stale(
            connection,
            providers=[each.name for each in idempotent if each in free],
            now=now,
            lease_until=lease_until,
        )
        return [stale] if stale else []

    def next_due_at(self) -> datetime | None:
        """Return when there will be something to claim and somebody to take it."""
        now = utc_now()
        with reading(self._engine) as connection:
            due_at = store.next_due_at(connection)
        if due_at is None or self._pool.first_free(now) is not None:
            return due_at
        return max(due_at, self._pool.next_opening(now) or due_at)

    def is_any_due(self) -> bool:
        """Tell whether something is due, though nobody may take it at the moment."""
        now = utc_now()
        with reading(self._engine) as connection:
            due_at = store.next_due_at(connection)
        return due_at is not None and due_at <= now
