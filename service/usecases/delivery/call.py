"""Makes the one call of a batch, outside any transaction."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Engine

from service.clock import utc_now
from service.store.database_clock import shared_now
from service.store.delivery import claims as store
from service.store.delivery.claims import ClaimedBatch
from service.usecases.delivery.compose import Composer
from service.usecases.delivery.left_out import LeftOut, leave_out
from service.usecases.delivery.provider_call import call_provider, rejected
from service.usecases.delivery.providers import GuardedProvider, ProviderPool
from service.usecases.delivery.settlement import CallResult

CALL_AT_MOST = timedelta(seconds=20)
"""How long a call may take, as `outbound.Limits` has it: a lease has to last as long."""


class Caller:
    """Calls providers. Thread-safe."""

    def __init__(
        self,
        engine: Engine,
        *,
        pool: ProviderPool,
        composer: Composer,
        address_hash_key: bytes,
    ) -> None:
        """Suppressed addresses are found by their hash under `address_hash_key`."""
        self._engine = engine
        self._pool = pool
        self._composer = composer
        self._address_hash_key = address_hash_key

    def call(self, guarded: GuardedProvider, batch: ClaimedBatch) -> CallResult | None:
        """Compose the batch's emails and call the provider once.

        Returns None, and makes no call, where the lease is too short for one.
        """
        composed = self._composer.compose_all(batch)
        senders = {
            message_id: mail.sender.address.lower() for message_id, mail in composed.items() if mail
        }
        left_out = self._begin(batch, senders)
        if left_out is None:
            return None
        send_results = {
            message_id: rejected(message_id, "not_composable")
            for message_id, mail in composed.items()
            if mail is None and message_id not in left_out.ids
        }
        mails = [mail for mail in composed.values() if mail and mail.message_id not in left_out.ids]
        began_at = utc_now()
        sent = call_provider(guarded, mails, key=str(batch.id))
        return CallResult(
            batch=batch,
            guarded=guarded,
            send_results={**send_results, **sent.send_results},
            left_out=left_out.ids,
            failure=sent.failure,
            is_shared=sent.is_shared,
            senders={mail.message_id: senders[mail.message_id] for mail in mails},
            tried=left_out.tried,
            began_at=began_at,
        )

    def _begin(self, batch: ClaimedBatch, senders: Mapping[UUID, str]) -> LeftOut | None:
        """Note that the call begins, and take the messages out of it that are not to go now.

        Returns None where the lease is not ours for as long as a call may take. All is committed
        before the call: should this process die, the same call made again is the same. A call that
        is made again is made as it was, for its emails may be out already.
        """
        now = utc_now()
        if now + CALL_AT_MOST > batch.lease_until:
            return None
        if batch.is_retry:
            return LeftOut()
        with self._engine.begin() as connection:
            now = shared_now(connection)
            if now + CALL_AT_MOST > batch.lease_until:
                return None
            if not store.begin_call(connection, batch, now=now):
                return None
            return leave_out(
                connection,
                batch,
                senders,
                pool=self._pool,
                address_hash_key=self._address_hash_key,
                now=now,
            )
