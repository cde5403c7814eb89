"""Delivery: claim, compose, call the mail API outside any transaction, settle."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.address import address_hash
from service.domain.delivery import LEASE, MessageStatus, Outcome, decide
from service.domain.subscription import MessageKind, blocks
from service.mail.compose import ComposeInput, compose
from service.mail.provider import Mail, Provider, ProviderError, Receipt
from service.store import batches as store
from service.store.batches import ClaimedBatch, ClaimedMessage, Settlement
from service.store.database import reading
from service.tokens import Tokens
from service.usecases.lists import Lists

UNKNOWN_GRACE = timedelta(seconds=30)
"""How long a call of unknown outcome is let rest before it is made again without the provider's
own guard against doubles."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """What composing a mail needs of the settings."""

    public_url: str
    sender: str
    confirm_days: int
    address_hash_key: bytes


class Deliver:
    """Hands owed mail to providers. Any number of threads and processes may do so at once."""

    def __init__(
        self,
        engine: Engine,
        *,
        providers: Sequence[Provider],
        lists: Lists,
        tokens: Tokens,
        settings: MailSettings,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`providers` are in order of preference; `jitter` gives a number in [0, 1)."""
        self._engine = engine
        self._providers: Mapping[str, Provider] = {each.name: each for each in providers}
        self._preferred = providers[0]
        self._lists = lists
        self._tokens = tokens
        self._settings = settings
        self._jitter = jitter

    def claim(self, *, calls: int) -> list[ClaimedBatch]:
        """Claim what `calls` calls can carry: a stale batch before fresh messages."""
        now = utc_now()
        with self._engine.begin() as connection:
            stale = store.claim_stale(connection, now=now, lease_until=now + LEASE)
            if stale is not None:
                return [stale]
            return store.claim_due(
                connection,
                provider=self._preferred.name,
                batch_size=self._preferred.batch_size,
                batches=calls,
                now=now,
                lease_until=now + LEASE,
            )

    def deliver(self, batch: ClaimedBatch) -> None:
        """Make the batch's one call and settle each of its messages."""
        provider = self._providers.get(batch.provider)
        if provider is None:  # a batch of a provider that is configured no more
            self._settle(batch, self._preferred, [_undone(each) for each in batch.messages])
            return
        withheld = frozenset() if batch.is_retry else self._withheld(batch.messages)
        mails = [self._compose(each) for each in batch.messages if each.id not in withheld]
        receipts: Sequence[Receipt] = []
        if mails:
            try:
                receipts = provider.send(mails, key=str(batch.id))
            except ProviderError as error:
                receipts = [
                    Receipt(
                        message_id=mail.message_id,
                        outcome=error.outcome,
                        error=error.code,
                        retry_after=error.retry_after,
                    )
                    for mail in mails
                ]
        self._settle(batch, provider, receipts, withheld=withheld)

    def release(self, batch: ClaimedBatch) -> None:
        """Give a claimed batch back uncalled."""
        with self._engine.begin() as connection:
            store.release(connection, batch)

    def next_due_at(self) -> datetime | None:
        """Return when there will be something to claim."""
        with reading(self._engine) as connection:
            return store.next_due_at(connection)

    def _withheld(self, messages: Sequence[ClaimedMessage]) -> frozenset[object]:
        """Return the ids of the messages whose address is suppressed."""
        key = self._settings.address_hash_key
        hashes = {each.id: address_hash(each.email_key, key) for each in messages}
        with reading(self._engine) as connection:
            reasons = store.suppressed(connection, sorted(set(hashes.values())))
        return frozenset(
            each.id for each in messages if blocks(reasons.get(hashes[each.id], ()), each.kind)
        )

    def _compose(self, message: ClaimedMessage) -> Mail:
        """Compose the mail from the row alone, so that each retry gives the same bytes."""
        lists = self._lists.by_ids(message.cycles.list_ids)
        start = self._settings.public_url
        confirm_url = code = None
        if message.kind is MessageKind.CONFIRM:
            token = self._tokens.confirm.issue(message.cycles, at=message.created_at)
            confirm_url = f"{start}/confirm/{token}"
            code = self._tokens.confirm.code(message.cycles, at=message.created_at)
        unsubscribe = self._tokens.unsubscribe.issue(message.cycles, at=message.created_at)
        return compose(
            ComposeInput(
                message_id=message.id,
                kind=message.kind,
                recipient=message.email,
                lists=lists,
                locale=message.locale or lists[0].locale,
                sender=self._settings.sender,
                confirm_url=confirm_url,
                code=code,
                unsubscribe_url=f"{start}/unsubscribe/{unsubscribe}",
                created_at=message.created_at,
                confirm_days=self._settings.confirm_days,
                public_url=start,
            )
        )

    def _settle(
        self,
        batch: ClaimedBatch,
        provider: Provider,
        receipts: Sequence[Receipt],
        *,
        withheld: frozenset[object] = frozenset(),
    ) -> None:
        now = utc_now()
        by_id = {receipt.message_id: receipt for receipt in receipts}
        settlements: list[Settlement] = []
        retry_at: datetime | None = None
        for message in batch.messages:
            if message.id in withheld:
                settlements.append(
                    Settlement(
                        message_id=message.id,
                        status=MessageStatus.WITHHELD,
                        next_attempt_at=now,
                        provider=provider.name,
                        attempts=message.attempt - 1,
                        error="suppressed",
                    )
                )
                continue
            receipt = by_id.get(message.id) or _lost(message)
            decision = decide(
                receipt.outcome,
                attempt=message.attempt,
                created_at=message.created_at,
                now=now,
                jitter=self._jitter(),
                retry_after=receipt.retry_after,
            )
            stays = receipt.outcome is Outcome.UNKNOWN and decision.status is MessageStatus.QUEUED
            if stays and provider.is_idempotent:
                retry_at = min(filter(None, (retry_at, decision.next_attempt_at)))
                continue
            at = decision.next_attempt_at or now
            settlements.append(
                Settlement(
                    message_id=message.id,
                    status=decision.status,
                    next_attempt_at=max(at, now + UNKNOWN_GRACE) if stays else at,
                    provider=provider.name,
                    attempts=message.attempt - (not decision.spends_attempt),
                    provider_message_id=receipt.provider_message_id,
                    error=receipt.error,
                )
            )
        with self._engine.begin() as connection:
            is_ours = store.settle(connection, batch, settlements, retry_at=retry_at, now=now)
        counts: dict[str, int] = {}
        for receipt in receipts:
            counts[receipt.outcome] = counts.get(receipt.outcome, 0) + 1
        _log.info(
            "batch settled" if is_ours else "lease lost",
            batch=str(batch.id),
            provider=provider.name,
            withheld=len(withheld),
            **counts,
        )


def _lost(message: ClaimedMessage) -> Receipt:
    """The provider said nothing of this message: taken or not, nobody knows."""
    return Receipt(message_id=message.id, outcome=Outcome.UNKNOWN, error="no_receipt")


def _undone(message: ClaimedMessage) -> Receipt:
    return Receipt(message_id=message.id, outcome=Outcome.TEMPORARY, error="provider_removed")
