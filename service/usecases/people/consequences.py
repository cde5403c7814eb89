"""What follows from a report on an address, by a mail API or in an imported file.

The address is suppressed for the reason reported, and subscriptions end: all of them where it is
suppressed, else those that the email was about. Webhooks get both.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from service.domain.consent import Evidence
from service.domain.delivery.feedback import Consequence, EventKind
from service.domain.subscription import EndedReason, LinkScope, SubscriptionRef, SuppressionReason
from service.domain.webhooks.event import EventType
from service.store.delivery import feedback
from service.store.links import acts as store
from service.store.links.acts import Act, Pair
from service.store.people import suppressions
from service.store.people.suppressions import NewSuppression
from service.store.webhooks import receivers
from service.store.webhooks.receivers import Change

_EVENT = {
    SuppressionReason.HARD_BOUNCE: EventType.BOUNCED,
    SuppressionReason.COMPLAINT: EventType.COMPLAINED,
}
"""The event that the site's own systems get for a suppressed address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is said of one address, and what follows."""

    kind: EventKind
    follows: Consequence
    at: datetime
    address_hash: str
    email_key: str | None
    """None where the address may be kept as its hash only."""
    subscriber_id: UUID | None
    """None where nobody has the address."""
    scope: LinkScope | None = None
    """What the email was about, where it was one of ours."""
    is_new: bool = True
    """False where webhooks know that the address is suppressed."""
    note: str
    """Who says so, for administrators."""
    source: str
    """Who says so, in the consent ledger."""


def apply(connection: Connection, reports: Iterable[Report], *, now: datetime) -> set[Pair]:
    """Suppress addresses and end subscriptions, oldest report first; return what ended."""
    suppressed: list[NewSuppression] = []
    events: dict[EventType, dict[UUID, Change]] = defaultdict(dict)
    ends: dict[tuple[UUID, UUID | None], Report] = {}
    for report in sorted(reports, key=lambda each: (each.at, each.kind)):
        follows, subscriber_id = report.follows, report.subscriber_id
        if follows.suppress is not None:
            suppressed.append(
                NewSuppression(
                    address_hash=report.address_hash,
                    email_key=report.email_key,
                    reason=follows.suppress,
                    note=report.note,
                    at=now,
                )
            )
            if subscriber_id is not None and report.is_new:
                events[_EVENT[follows.suppress]][subscriber_id] = Change(
                    subscriber_id=subscriber_id, at=now, reason=report.kind
                )
        if follows.end is not None and subscriber_id is not None:
            lists: Sequence[UUID | None] = [None]
            if follows.suppress is None and report.scope is not None:
                lists = list(report.scope.list_ids)
            for list_id in lists:
                ends.setdefault((subscriber_id, list_id), report)
    suppressions.suppress(connection, suppressed)
    for type_, changes in events.items():
        receivers.enqueue(connection, type_, changes.values())
    return _end(connection, ends, now=now) if ends else set()


def _end(
    connection: Connection, ends: dict[tuple[UUID, UUID | None], Report], *, now: datetime
) -> set[Pair]:
    """End what is open: `ends` is by subscriber and list, with None for all lists.

    Leaving by an email of an earlier cycle does not end one that began after it.
    """
    refs: dict[tuple[UUID, str, EndedReason], list[SubscriptionRef]] = defaultdict(list)
    for each in feedback.open_subscriptions(connection, {key[0] for key in ends}):
        ref = SubscriptionRef(each.mailing_list_id, each.epoch)
        report = ends.get((each.subscriber_id, None))
        if report is None:
            report = ends.get((each.subscriber_id, each.mailing_list_id))
            if report is None:
                continue
            is_of_cycle = report.scope is not None and ref in report.scope.refs
            if not is_of_cycle and each.requested_at > report.at:
                continue
        if report.follows.end is not None:
            refs[each.subscriber_id, report.source, report.follows.end].append(ref)
    acts = [
        Act(
            scope=LinkScope(subscriber_id, tuple(found)),
            at=now,
            evidence=Evidence(source=source),
            reason=reason,
            detail=reason,
        )
        for (subscriber_id, source, reason), found in refs.items()
    ]
    if not acts:
        return set()
    changed = store.leave(connection, acts)
    receivers.enqueue(
        connection,
        EventType.UNSUBSCRIBED,
        receivers.changes(acts, changed, reason_of=lambda act: act.reason),
    )
    return changed
