"""Delivery: claim, compose, call the mail API outside any transaction, settle."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import cycle
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from service.clock import utc_now
from service.domain.delivery.retry import LEASE
from service.domain.subscription import MessageKind
from service.log import error_fields
from service.mail.compose import ComposeInput, compose
from service.mail.mime import wire_address
from service.mail.provider import Mail
from service.store.database import reading
from service.store.database_clock import shared_now
from service.store.delivery import activity, takeover
from service.store.delivery import claims as store
from service.store.delivery.claims import ClaimedBatch, ClaimedMessage
from service.tokens import Tokens
from service.usecases.delivery.left_out import LeftOut, leave_out
from service.usecases.delivery.provider_call import call_provider, rejected
from service.usecases.delivery.providers import GuardedProvider, ProviderPool
from service.usecases.delivery.refusals import error_of, note_senders, rejections_of
from service.usecases.delivery.settlement import CallResult, settle_call
from service.usecases.group_commit import GroupCommit
from service.usecases.lists.lists import Lists

SETTLE_AGAIN_SECONDS = 0.5
CALL_AT_MOST = timedelta(seconds=20)
"""How long a call may take, as `outbound.Limits` has it: a lease has to last as long."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """What composing a mail needs of the settings."""

    public_url: str
    sender: str
    confirm_days: int
    address_hash_key: bytes
    unknown_grace: timedelta
    """How long a call of unknown outcome rests before its messages go out again without the
    provider's own guard against doubles.
    """


class Deliver:
    """Hands owed mail to providers. Any number of threads and processes may do so at once."""

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
        """`pool` hold the providers; `jitter` gives a number in [0, 1), `pause` takes seconds."""
        self._engine = engine
        self._pool = pool
        self._lists = lists
        self._tokens = tokens
        self._settings = settings
        self._jitter = jitter
        self._pause = pause
        # One batch after the other: the threads share one interpreter, so that composed together
        # they would be ready together, and all be under way when this process dies.
        self._composing = threading.Lock()
        # Mails that go alone come first in every second claim, for a backlog may never end.
        self._turns = cycle(((False, True), (True, False)))
        self._settling = GroupCommit(self._settle_all, key=lambda result: result.batch.id)

    def claim(self, *, calls: int) -> list[ClaimedBatch]:
        """Claim what up to `calls` calls can carry, for the first provider that takes any.

        A batch whose outcome is unknown comes first: for the same call again while the provider
        remembers its key, and afresh once the grace is over where it has none, or where it is
        paused and another provider is well.
        """
        now = utc_now()
        free = [each for each in self._pool if each.free_calls(now)]
        if not free or calls < 1:
            return []
        guarded = self._pool.first_free(now)
        idempotent = [each for each in self._pool if each.provider.key_life]
        with self._engine.begin() as connection:
            now = shared_now(connection)
            lease_until = now + LEASE
            takeover.requeue_stale(
                connection,
                keys_hold_since={each.name: now - each.provider.key_life for each in idempotent},
                hand_on=[
                    each.name
                    for each in idempotent
                    if each.is_open(now) and guarded is not None and guarded.is_closed(now)
                ],
                called_before=now - self._settings.unknown_grace,
                now=now,
            )
            stale = takeover.claim_stale(
                connection,
                providers=[each.name for each in idempotent if each in free],
                now=now,
                lease_until=lease_until,
            )
            claimed = [stale] if stale else []
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
                    claimed = self._routed(connection, claimed, now)
        for batch in claimed:
            self._pool.by_name(batch.provider).begin(1, now)
        return claimed

    def _routed(
        self, connection: Connection, claimed: Sequence[ClaimedBatch], now: datetime
    ) -> list[ClaimedBatch]:
        """Give each mail that goes alone to the first provider that carries mail to its address and
        takes a call now, if there is one.
        """
        calls: Counter[str] = Counter()
        routed: list[ClaimedBatch] = []
        for batch in claimed:
            if len(batch.messages) == 1:
                address = wire_address(batch.messages[0].email)
                able = self._pool.reaching(address)
                free = [
                    guarded.name
                    for guarded in able
                    if guarded.free_calls(now) > calls[guarded.name]
                ]
                if free and batch.provider not in [guarded.name for guarded in able]:
                    batch = store.hand_over(connection, batch, provider=free[0])
            calls[batch.provider] += 1
            routed.append(batch)
        return routed

    def deliver(self, batch: ClaimedBatch) -> None:
        """Make the batch's one call and settle each of its messages.

        Where the lease is too short for a call, nothing is done: whoever finds it run out goes on.
        """
        guarded = self._pool.by_name(batch.provider)
        was_made = True
        try:
            result = self._call(guarded, batch)
            if result is None:
                _log.warning("lease too short", batch=str(batch.id), provider=batch.provider)
            else:
                was_made = bool(result.send_results)
                self._settle(result)
        finally:
            guarded.end(was_made=was_made)

    def _settle(self, result: CallResult) -> None:
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

    def _call(self, guarded: GuardedProvider, batch: ClaimedBatch) -> CallResult | None:
        """Compose the batch's emails and call the provider once."""
        composed = self._compose_all(batch)
        senders = {
            message_id: mail.sender.address.lower() for message_id, mail in composed.items() if mail
        }
        left_out = self._begin_call(batch, senders)
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
            withheld=left_out.ids,
            failure=sent.failure,
            is_shared=sent.is_shared,
            senders={mail.message_id: senders[mail.message_id] for mail in mails},
            tried=left_out.tried,
            began_at=began_at,
        )

    def _begin_call(self, batch: ClaimedBatch, senders: Mapping[UUID, str]) -> LeftOut | None:
        """Note that the call begins, and take the messages out of it that are not to go now.

        Returns None where the lease is not ours for as long as a call may take. All is committed
        before the call: should this process die, the same call made again is the same. A call that
        is made again is made as it was, for the very mail may be out already.
        """
        key, now = self._settings.address_hash_key, utc_now()
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
            return leave_out(connection, batch, senders, address_hash_key=key, now=now)

    def _compose_all(self, batch: ClaimedBatch) -> dict[UUID, Mail | None]:
        """Compose each message's mail; None where that is not possible."""
        with self._composing:
            return {message.id: self._compose_or_log(message) for message in batch.messages}

    def _compose_or_log(self, message: ClaimedMessage) -> Mail | None:
        """Compose the mail; None where its row does not allow it, which must not hold up the rest.

        Raises `SQLAlchemyError`: the database is to blame then, and the lease runs out by itself.
        """
        try:
            return self._compose(message)
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is this row alone
            _log.error("not composable", message=str(message.id), **error_fields(error))
            return None

    def _compose(self, message: ClaimedMessage) -> Mail:
        """Compose the mail from the row alone, so that each retry gives the same bytes."""
        lists = self._lists.by_ids(message.scope.list_ids)
        start = self._settings.public_url
        confirm_url = code = None
        if message.kind is MessageKind.CONFIRM:
            token = self._tokens.confirm.issue(message.scope, at=message.created_at)
            confirm_url = f"{start}/confirm/{token}"
            code = self._tokens.confirm.code(message.scope, at=message.created_at)
        unsubscribe = self._tokens.unsubscribe.issue(message.scope, at=message.created_at)
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

    def _settle_all(self, results: Sequence[CallResult]) -> list[bool]:
        """Settle the batches of several calls in one transaction; tell which were still ours."""
        now = utc_now()
        are_ours: list[bool] = []
        with self._engine.begin() as connection:
            for result in results:
                settlements, retry_at = settle_call(
                    result,
                    paused_senders=note_senders(connection, result, now=now),
                    is_other_well=self._pool.is_any_closed(now, but=result.guarded),
                    reached_at=partial(self._reached_at, result.guarded, now=now),
                    unknown_grace=self._settings.unknown_grace,
                    jitter=self._jitter,
                    now=now,
                )
                are_ours.append(
                    store.settle(connection, result.batch, settlements, retry_at=retry_at, now=now)
                )
            self._record_activity(connection, results, now)
        for result, is_ours in zip(results, are_ours, strict=True):
            error, rejections = error_of([result]), rejections_of(result)
            (_log.warning if error or rejections else _log.info)(
                "batch settled" if is_ours else "lease lost",
                batch=str(result.batch.id),
                provider=result.guarded.name,
                error=error,
                rejected_with=rejections,
                left_out=len(result.withheld),
                **Counter(str(send_result.outcome) for send_result in result.send_results.values()),
            )
        return are_ours

    def _reached_at(
        self, guarded: GuardedProvider, email: str, *, now: datetime
    ) -> datetime | None:
        return self._pool.reached_at(wire_address(email), but=guarded, now=now)

    def _record_activity(
        self, connection: Connection, results: Sequence[CallResult], now: datetime
    ) -> None:
        """Count the outcomes by provider, and note how each one's breaker stands."""
        for guarded in {result.guarded.name: result.guarded for result in results}.values():
            counts = Counter(
                send_result.outcome
                for result in results
                if result.guarded is guarded
                for send_result in result.send_results.values()
            )
            error = error_of([result for result in results if result.guarded is guarded])
            state, until = guarded.state(now)
            activity.record(connection, guarded.name, counts, state, until, error=error, now=now)
