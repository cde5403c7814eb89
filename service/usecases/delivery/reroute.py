"""Gives emails that their provider would not take to another one, before any call is made."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Engine

from service.domain.delivery.retry import MessageStatus
from service.mail.compose import sender_of
from service.mail.provider import ADDRESS_UNSUPPORTED
from service.store.delivery import claims, settlements
from service.store.delivery.claims import ClaimedBatch, ClaimedMessage
from service.store.delivery.settlements import Settlement
from service.usecases.delivery.providers import GuardedProvider
from service.usecases.delivery.routes import Routes
from service.usecases.lists.lists import Lists


@dataclass(slots=True)
class _Plan:
    """Where the messages of a newly claimed batch go."""

    stay: list[ClaimedMessage] = field(default_factory=list)
    moves: dict[str, list[list[ClaimedMessage]]] = field(default_factory=dict)
    """The batches that other providers get, by the provider's name."""
    waiting: list[Settlement] = field(default_factory=list)
    """Messages that only providers carry which may not be called now."""


class Reroute:
    """Moves messages whose sender is paused at their provider, and single ones whose address it
    does not carry, to the first provider that takes them.
    """

    def __init__(self, engine: Engine, *, lists: Lists, sender: str) -> None:
        """`sender` is that of lists without one of their own."""
        self._engine = engine
        self._lists = lists
        self._sender = sender

    def __call__(self, claimed: Sequence[ClaimedBatch], routes: Routes) -> list[ClaimedBatch]:
        """Return the batches as they are to be called. No attempt is spent on what has to wait."""
        calls: Counter[str] = Counter()
        found: list[ClaimedBatch] = []
        for batch in claimed:
            plan = self._plan(batch, routes, calls)
            if plan.moves or plan.waiting:
                found += self._carry_out(batch, plan, now=routes.now)
            else:
                found.append(batch)
            calls[batch.provider] += bool(plan.stay)
            for name, groups in plan.moves.items():
                calls[name] += len(groups)
        return found

    def _plan(self, batch: ClaimedBatch, routes: Routes, calls: Counter[str]) -> _Plan:
        plan = _Plan()
        here = routes.pool.by_name(batch.provider)
        is_single = len(batch.messages) == 1
        if not is_single and not routes.pauses:
            plan.stay = list(batch.messages)
            return plan
        for message in batch.messages:
            sender = self._sender_of(message) if routes.pauses else ""
            pause = routes.pause(here, sender)
            carriers = list(routes.carriers(message.email)) if is_single or pause else [here]
            if pause is None and here in carriers:
                plan.stay.append(message)
                continue
            others = [
                each for each in carriers if each is not here and not routes.pause(each, sender)
            ]
            if any(_place(message, each, plan, routes.now, calls) for each in others):
                continue
            at = routes.next_at(message.email, sender, but=here)
            if at is None:
                plan.stay.append(message)
                continue
            plan.waiting.append(
                Settlement(
                    message_id=message.id,
                    status=MessageStatus.QUEUED,
                    next_attempt_at=min(at, pause.paused_until) if pause else at,
                    provider=here.provider.name,
                    attempts=message.attempt - 1,
                    error=pause.error if pause else ADDRESS_UNSUPPORTED,
                    is_alone=pause is None or _are_for_single_emails(carriers, here),
                )
            )
        return plan

    def _carry_out(self, batch: ClaimedBatch, plan: _Plan, *, now: datetime) -> list[ClaimedBatch]:
        """Write the plan; return the batches to call, none where the lease is lost."""
        with self._engine.begin() as connection:
            retry_at = batch.lease_until if plan.stay else None
            if not settlements.settle(connection, batch, plan.waiting, retry_at=retry_at, now=now):
                return []
            moved = [
                claims.hand_over(connection, batch, group, provider=name)
                for name, groups in plan.moves.items()
                for group in groups
            ]
        return [*([replace(batch, messages=tuple(plan.stay))] if plan.stay else []), *moved]

    def _sender_of(self, message: ClaimedMessage) -> str:
        """Return the sender's address, or nothing where the row does not tell: it is not composable
        then, which the call finds out.
        """
        lists = self._lists.by_ids(message.scope.list_ids)
        return sender_of(lists, self._sender).address.lower() if lists else ""


def _are_for_single_emails(carriers: Sequence[GuardedProvider], here: GuardedProvider) -> bool:
    """Tell whether the others take one email a call, so that to claim a batch is in vain."""
    return all(each.provider.batch_size == 1 for each in carriers if each is not here)


def _place(
    message: ClaimedMessage,
    guarded: GuardedProvider,
    plan: _Plan,
    now: datetime,
    calls: Counter[str],
) -> bool:
    """Put the message into a batch for this provider, if one has room or one more call is free."""
    groups = plan.moves.get(guarded.name, [])
    if groups and len(groups[-1]) < guarded.provider.batch_size:
        groups[-1].append(message)
        return True
    if guarded.free_calls(now) <= calls[guarded.name] + len(groups):
        return False
    plan.moves.setdefault(guarded.name, []).append([message])
    return True
