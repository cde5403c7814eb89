"""Leaving: a person's POST and a mail client's one-click POST (RFC 8058) are the same act."""

from collections.abc import Sequence

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.consent import ConsentKind, Evidence
from service.domain.subscription import UNDO_WITHIN, EndedReason, LinkScope, Status, SubscriptionRef
from service.domain.webhooks.event import EventType
from service.store.database import reading
from service.store.links import acts as store
from service.store.links import undo
from service.store.links.acts import Act
from service.store.links.looks import states_of
from service.store.webhooks import receivers
from service.tokens import Tokens
from service.usecases.group_commit import GroupCommit
from service.usecases.links.views import LinkState, LinkView
from service.usecases.lists.lists import Lists

MAX_REASON_LENGTH = 500


class Unsubscribe:
    """The unsubscribe link, which never expires, and what its page offers afterwards."""

    def __init__(self, engine: Engine, *, lists: Lists, tokens: Tokens) -> None:
        """Take what the use case works with."""
        self._engine = engine
        self._lists = lists
        self._tokens = tokens
        self._commits = GroupCommit(self._leave_all, key=lambda act: act.scope.subscriber_id)

    def show(self, token: str) -> LinkView:
        """Return what the link would do. Raises `LinkForgedError`."""
        scope = self._tokens.unsubscribe.read(token, now=utc_now())
        found = states_of(self._engine, scope)
        is_open = any(state.status is not Status.UNSUBSCRIBED for state in found.values())
        return LinkView(
            state=LinkState.OPEN if is_open else LinkState.DONE,
            lists=self._lists.by_ids(scope.list_ids),
            receipt_token=self._tokens.receipt.issue(scope, at=utc_now()) if found else None,
        )

    def act(self, token: str, evidence: Evidence, *, one_click: bool) -> LinkView:
        """End what the link speaks of; again is the same. Raises `LinkForgedError`."""
        now = utc_now()
        scope = self._tokens.unsubscribe.read(token, now=now)
        reason = EndedReason.ONE_CLICK if one_click else EndedReason.UNSUBSCRIBED
        left = self._commits.submit(Act(scope=scope, at=now, evidence=evidence, reason=reason))
        return LinkView(
            state=LinkState.DONE,
            lists=self._lists.by_ids(scope.list_ids),
            undo_token=self._tokens.undo.issue(left, at=now) if left.refs else None,
            # What answers one click shows nothing.
            receipt_token=None if one_click else self._tokens.receipt.issue(scope, at=now),
        )

    def undo(self, undo_token: str, evidence: Evidence) -> LinkView:
        """Take a leaving of the last hour back. Raises `LinkForgedError`, `LinkExpiredError`.

        `DONE` where the subscription stands again, `ENDED` where it cannot be taken back: it was
        never confirmed, has started again since, or ended for another reason.
        """
        now = utc_now()
        scope = self._tokens.undo.read(undo_token, max_age=UNDO_WITHIN, now=now)
        act = Act(scope=scope, at=now, evidence=evidence)
        with self._engine.begin() as connection:
            changed = undo.resume(connection, act, since=now - UNDO_WITHIN)
            receivers.enqueue(
                connection,
                EventType.CONFIRMED,
                receivers.changes([act], changed, reason_of=lambda _: ConsentKind.RESUMED),
            )
            found = store.states(connection, [scope])
        stands = any(state.status is Status.CONFIRMED for state in found.values())
        return LinkView(
            state=LinkState.DONE if stands else LinkState.ENDED,
            lists=self._lists.by_ids(scope.list_ids),
        )

    def give_reason(self, undo_token: str, reason: str) -> None:
        """Keep why the person left, beside the consent it ended. Raises as `undo` does."""
        now = utc_now()
        scope = self._tokens.undo.read(undo_token, max_age=UNDO_WITHIN, now=now)
        detail = reason.replace("\0", "").strip()[:MAX_REASON_LENGTH]  # PostgreSQL keeps no NUL
        if detail:
            with self._engine.begin() as connection:
                undo.record_reason(
                    connection, Act(scope=scope, at=now, evidence=Evidence(), detail=detail)
                )

    def _leave_all(self, acts: Sequence[Act]) -> list[LinkScope]:
        """End the subscriptions of all the acts; return for each what can be taken back.

        Nobody looks at the answer to a one-click POST, so nothing is looked up for it.
        """
        persons = [act.scope for act in acts if act.reason is not EndedReason.ONE_CLICK]
        if receivers.is_wanted(self._engine, EventType.UNSUBSCRIBED):
            with self._engine.begin() as connection:
                changed = store.leave(connection, acts)
                receivers.enqueue(
                    connection,
                    EventType.UNSUBSCRIBED,
                    receivers.changes(acts, changed, reason_of=lambda act: act.reason),
                )
        else:
            store.commit_left(self._engine, acts)
        found = {}
        if persons:
            with reading(self._engine) as connection:
                found = store.states(connection, persons)
        return [
            LinkScope(
                act.scope.subscriber_id,
                tuple(
                    SubscriptionRef(ref.mailing_list_id, state.epoch)
                    for ref in act.scope.refs
                    if (state := found.get((act.scope.subscriber_id, ref.mailing_list_id)))
                    and state.was_confirmed
                ),
            )
            for act in acts
        ]
