"""An administrator takes somebody off a list, as the person's own click would."""

from uuid import UUID

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.consent import Evidence
from service.domain.errors import NotFoundError
from service.domain.subscription import EndedReason, LinkScope, SubscriptionRef
from service.domain.webhooks.event import EventType
from service.store.access.audit import insert_audit
from service.store.links import acts as store
from service.store.links.acts import Act
from service.store.webhooks import receivers
from service.usecases.lists.lists import Lists


class EndSubscription:
    """Ends one subscription on behalf of the person who has it."""

    def __init__(self, engine: Engine, *, lists: Lists) -> None:
        """Take what the use case works with."""
        self._engine = engine
        self._lists = lists

    def __call__(self, subscriber_id: UUID, slug: str, *, actor: str) -> None:
        """End it, whatever its cycle; one that has ended stays as it is.

        Raises `UnknownListError`, and `NotFoundError` where there is no such subscription.
        """
        now, list_id = utc_now(), self._lists.get(slug).id
        with self._engine.begin() as connection:
            asked = LinkScope(subscriber_id, (SubscriptionRef(list_id, 0),))
            state = store.states(connection, [asked]).get((subscriber_id, list_id))
            if state is None:
                raise NotFoundError(str(subscriber_id))
            act = Act(
                scope=LinkScope(subscriber_id, (SubscriptionRef(list_id, state.epoch),)),
                at=now,
                evidence=Evidence(source="administrator"),
                reason=EndedReason.ADMIN,
                detail=EndedReason.ADMIN,
            )
            changed = store.leave(connection, [act])
            if not changed:
                return
            receivers.enqueue(
                connection,
                EventType.UNSUBSCRIBED,
                receivers.changes([act], changed, reason_of=lambda each: each.reason),
            )
            insert_audit(
                connection,
                at=now,
                actor=actor,
                action="subscription.ended",
                target=str(subscriber_id),
                detail={"list": slug},
            )
