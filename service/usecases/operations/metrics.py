"""The figures that `/metrics` shows, read from the database at the time of asking.

Web and worker are different processes, so what is shown has to be where both can reach it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from service.clock import clock_ahead, utc_now
from service.domain.delivery.retry import MessageStatus
from service.domain.subscription import Status
from service.mail.registry import names_in_use
from service.store.database import reading
from service.store.delivery import activity, feedback, outbox, outbox_admin, sender_pauses
from service.store.delivery.activity import Activity
from service.store.delivery.sender_pauses import RefusedSender
from service.store.ledger import sealing
from service.store.operations import subscription_counts
from service.store.operations.workers import WorkerInfo, all_workers
from service.store.webhooks import deliveries
from service.usecases.operations.latest import Latest

SUBSCRIPTIONS_EVERY_SECONDS = 60.0
"""Counting subscriptions reads them all, so that figure may be this old."""
TODAY = timedelta(days=1)
_Counted = tuple[Mapping[tuple[str, Status], int], int]
"""What takes long to count: subscriptions, and what was withheld lately."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One moment's figures."""

    at: datetime
    depths: Mapping[MessageStatus, int]
    oldest_due_seconds: float
    clock_ahead_seconds: float
    """Of the machine that was asked, before the database's clock."""
    providers: Sequence[Activity]
    webhook_depth: int
    oldest_webhook_seconds: float
    refused_senders: Sequence[RefusedSender]
    """Senders that a provider does not take at the moment."""
    events_not_understood: Mapping[str, int]
    """By provider, of the events that are kept."""
    subscriptions: Mapping[tuple[str, Status], int]
    withheld_today: int
    """Emails of signups in the last 24 hours that were not sent; up to a minute old."""
    unsealed: int
    """Consent events that have no place in the ledger yet."""
    is_ledger_broken: bool
    workers: Sequence[WorkerInfo]
    """Those of the last days, the one seen last first."""
    last_failed_error: str | None
    """Why the newest email that failed for good did."""


class Metrics:
    """Gathers the figures. One for a process; safe to use from several threads."""

    def __init__(self, engine: Engine, *, mail_urls: Sequence[str]) -> None:
        """Take the engine, and the mail APIs that are used now: others are not shown any more."""
        self._engine = engine
        self._providers = frozenset(names_in_use(mail_urls))
        self._counted = Latest(self._count, seconds=SUBSCRIPTIONS_EVERY_SECONDS)

    def __call__(self) -> Figures:
        """Return the figures as they stand. Raises `UnavailableError` (`Latest`)."""
        now = utc_now()
        subscriptions, withheld = self._counts()
        with reading(self._engine) as connection:
            oldest = outbox.oldest_due_at(connection)
            webhooks = deliveries.due_webhooks(connection)
            failed = outbox_admin.page(
                connection, status=MessageStatus.FAILED, limit=1, before=None
            )
            return Figures(
                at=now,
                depths=outbox_admin.depths(connection),
                oldest_due_seconds=_age(oldest, now),
                clock_ahead_seconds=clock_ahead().total_seconds(),
                providers=[
                    each
                    for each in activity.all_activity(connection)
                    if each.provider in self._providers
                ],
                webhook_depth=deliveries.queue_depth(connection),
                oldest_webhook_seconds=_age(webhooks[0].due_at if webhooks else None, now),
                refused_senders=[
                    each
                    for each in sender_pauses.refused_senders(connection, now=now)
                    if each.provider in self._providers
                ],
                events_not_understood=feedback.not_understood(connection),
                subscriptions=subscriptions,
                withheld_today=withheld,
                unsealed=sealing.count_unsealed(connection),
                is_ledger_broken=sealing.is_broken(connection),
                workers=all_workers(connection),
                last_failed_error=failed[0].last_error if failed else None,
            )

    def subscriptions(self) -> Mapping[tuple[str, Status], int]:
        """Return how many each list (by slug) has in each state, up to a minute old."""
        return self._counts()[0]

    def _counts(self) -> _Counted:
        return self._counted.get(None)

    def _count(self, _key: None) -> _Counted:
        with reading(self._engine) as connection:
            return (
                subscription_counts.subscriptions_by_list(connection),
                outbox_admin.withheld_since(connection, utc_now() - TODAY),
            )


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
