"""What is taken out of a call before it is made: emails that are not to go, and those that wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from service.domain.address import address_hash
from service.domain.delivery.retry import MessageStatus
from service.domain.subscription import blocks
from service.store.delivery import sender_pauses, settlements, still_wanted
from service.store.delivery.claims import ClaimedBatch
from service.store.delivery.settlements import Settlement
from service.usecases.delivery.providers import ProviderPool
from service.usecases.delivery.routes import Routes


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The messages that are settled already, and the refused senders that the call tries again."""

    ids: frozenset[UUID] = frozenset()
    tried: frozenset[str] = frozenset()


def leave_out(
    connection: Connection,
    batch: ClaimedBatch,
    senders: Mapping[UUID, str],
    *,
    pool: ProviderPool,
    address_hash_key: bytes,
    now: datetime,
) -> LeftOut:
    """Settle the messages of the batch that are not to be mailed any more: the address is
    suppressed, the person has left all that the email is about, or it is an import's question to
    somebody who was asked since. Those of a sender that the provider refuses are due again when
    they may go through another provider, or when the pause is over.

    `senders` are the addresses that the messages are from.
    """
    withheld = _withheld(connection, batch, address_hash_key=address_hash_key, now=now)
    ids = {each.message_id for each in withheld}
    held = sender_pauses.hold(
        connection,
        batch.provider,
        {sender for id_, sender in senders.items() if id_ not in ids},
        now=now,
        tried_until=batch.lease_until,
    )
    here = pool.by_name(batch.provider)
    pauses = sender_pauses.paused(connection, now=now) if held.paused and len(pool) > 1 else {}
    routes = Routes(pool=pool, now=now, pauses=pauses)
    waiting = [
        Settlement(
            message_id=each.id,
            status=MessageStatus.QUEUED,
            next_attempt_at=min(
                pause.paused_until,
                routes.next_at(each.email, pause.sender, but=here) or pause.paused_until,
            ),
            provider=batch.provider,
            attempts=each.attempt - 1,
            error=pause.error,
        )
        for each in batch.messages
        if each.id not in ids and (pause := held.paused.get(senders.get(each.id, ""))) is not None
    ]
    settled = [*withheld, *waiting]
    if settled:
        settlements.settle(connection, batch, settled, retry_at=batch.lease_until, now=now)
    return LeftOut(frozenset(each.message_id for each in settled), held.tried)


def _withheld(
    connection: Connection, batch: ClaimedBatch, *, address_hash_key: bytes, now: datetime
) -> list[Settlement]:
    hashes = {each.id: address_hash(each.email_key, address_hash_key) for each in batch.messages}
    reasons = still_wanted.suppressed(connection, sorted(set(hashes.values())))
    no_longer_wanted = still_wanted.no_longer_wanted(
        connection, {each.id: each.scope for each in batch.messages}
    )
    return [
        Settlement(
            message_id=each.id,
            status=MessageStatus.WITHHELD,
            next_attempt_at=now,
            provider=batch.provider,
            attempts=each.attempt - 1,
            error="suppressed" if is_suppressed else no_longer_wanted[each.id],
        )
        for each in batch.messages
        if (is_suppressed := blocks(reasons.get(hashes[each.id], ()), each.kind))
        or each.id in no_longer_wanted
    ]
