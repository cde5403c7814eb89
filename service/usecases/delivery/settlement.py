"""The results of one call: which messages are settled, due again, or kept for the same call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from service.domain.delivery.retry import MessageStatus, SendOutcome, decide
from service.mail.provider import (
    ADDRESS_UNSUPPORTED,
    ProviderError,
    SenderRefusedError,
    SendResult,
)
from service.store.delivery.claims import ClaimedBatch, ClaimedMessage
from service.store.delivery.settlements import Settlement
from service.usecases.delivery.providers import GuardedProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What one call came to."""

    batch: ClaimedBatch
    guarded: GuardedProvider
    send_results: Mapping[UUID, SendResult]
    left_out: frozenset[UUID]
    """Messages that were settled before the call, and not in it."""
    failure: ProviderError | None
    """Set where the call failed as a whole."""
    is_shared: bool
    """Whether several emails were in the call, so that one may be why all were refused."""
    senders: Mapping[UUID, str] = field(default_factory=dict)
    """The sender of each message, where that is known."""
    tried: frozenset[str] = frozenset()
    """Senders that were refused before, and that this call tried again."""
    began_at: datetime | None = None

    @property
    def refused_senders(self) -> Mapping[str, str]:
        """Senders that the provider does not take, and its code for why. One that it took for
        another message of the call is not to blame.
        """
        return {
            self.senders[message_id]: send_result.error or "unknown"
            for message_id, send_result in self.send_results.items()
            if send_result.refuses_sender
            and not self.is_split(send_result)
            and self.senders.get(message_id, "") not in {"", *self.accepted_senders}
        }

    @property
    def accepted_senders(self) -> frozenset[str]:
        """Senders that the provider took."""
        return frozenset(
            self.senders[message_id]
            for message_id, send_result in self.send_results.items()
            if send_result.outcome is SendOutcome.ACCEPTED and message_id in self.senders
        )

    @property
    def is_refused(self) -> bool:
        """Whether a complete answer said that nothing was taken, for now."""
        return self.failure is not None and self.failure.outcome in (
            SendOutcome.TEMPORARY,
            SendOutcome.MISCONFIGURED,
        )

    def is_split(self, send_result: SendResult) -> bool:
        """Tell whether the message is to go in a call of its own: the call as a whole was refused,
        perhaps for another's sake.
        """
        if self.failure is None or not self.is_shared or send_result.error != self.failure.code:
            return False
        if isinstance(self.failure, SenderRefusedError):
            return len(set(self.senders.values())) > 1
        return self.failure.outcome is SendOutcome.REJECTED

    def keeps_key(self, now: datetime) -> bool:
        """Tell whether an unsettled message waits for the same call again: the provider remembers
        the key still, and may have taken the call. Refusing it a second time says nothing of the
        first.
        """
        remembered_until = self.batch.created_at + self.guarded.provider.key_life
        return now < remembered_until and (self.batch.is_retry or not self.is_refused)


def settle_call(
    result: CallResult,
    *,
    is_other_well: bool,
    elsewhere_at: Callable[[ClaimedMessage], datetime | None],
    unknown_grace: timedelta,
    jitter: Callable[[], float],
    now: datetime,
    paused_senders: Mapping[str, datetime] | None = None,
) -> tuple[list[Settlement], datetime | None]:
    """Return the next state of each message, and when the same call is to be made again if it is
    (for the messages that are in no settlement).

    `is_other_well` tells whether another provider can take over at once what this one refused, and
    `elsewhere_at` when another may take a message whose address or sender this one does not, if any
    can. Messages of unknown outcome rest `unknown_grace` before they are sent in a new call, those
    of a refused sender as long as `paused_senders` says, or until another provider may take them.
    """
    paused = paused_senders or {}
    keeps_key = result.keeps_key(now)
    settlements: list[Settlement] = []
    retry_at: datetime | None = None
    for message in result.batch.messages:
        send_result = result.send_results.get(message.id)
        if send_result is None:
            continue  # left out, and settled before the call
        other_at = elsewhere_at(message) if send_result.error == ADDRESS_UNSUPPORTED else None
        is_split = result.is_split(send_result) or other_at is not None
        is_retried = is_split and not send_result.refuses_sender
        decision = decide(
            SendOutcome.TEMPORARY if is_retried else send_result.outcome,
            attempt=message.attempt,
            created_at=message.window_start,
            now=now,
            jitter=jitter(),
            retry_after=send_result.retry_after,
        )
        is_queued = decision.status is MessageStatus.QUEUED
        if other_at is not None:
            # In a call of its own it goes to a provider that carries it, and this was no attempt.
            settlements.append(
                Settlement(
                    message_id=message.id,
                    status=decision.status,
                    next_attempt_at=other_at,
                    provider=result.guarded.provider.name,
                    attempts=message.attempt - is_queued,
                    error=send_result.error,
                    is_alone=True,
                )
            )
            continue
        next_attempt_at = decision.next_attempt_at or now
        is_unknown = send_result.outcome is SendOutcome.UNKNOWN
        if is_queued and (is_unknown or result.is_refused) and keeps_key:
            retry_at = min(retry_at or next_attempt_at, next_attempt_at)
            continue
        if is_queued and is_unknown:
            next_attempt_at = max(next_attempt_at, now + unknown_grace)
        until = paused.get(result.senders.get(message.id, ""))
        if send_result.refuses_sender and until is not None:
            next_attempt_at = max(next_attempt_at, until)
            next_attempt_at = min(next_attempt_at, elsewhere_at(message) or next_attempt_at)
        is_handed_on = is_other_well and (
            send_result.refuses_account
            if result.failure is None
            else result.is_refused and not send_result.refuses_sender and not keeps_key
        )
        settlements.append(
            Settlement(
                message_id=message.id,
                status=decision.status,
                next_attempt_at=now if is_handed_on or is_split else next_attempt_at,
                provider=result.guarded.provider.name,
                attempts=message.attempt - (not decision.spends_attempt),
                provider_message_id=send_result.provider_message_id,
                error=send_result.error,
                is_alone=is_split,
            )
        )
    return settlements, retry_at
