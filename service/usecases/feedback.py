"""Feedback: what mail APIs report of mails that they took, and what follows for their addresses.

Events come in any order and more than once, perhaps before the worker has written down the name
that the provider gave the mail. Most providers give our own message id back, which was committed
before the mail went out. For the others an event waits, unmatched, and `match_waiting`, which the
worker calls now and then, takes it up once the name is there. That is simpler than matching where
the worker settles, and leaves no gap between two transactions that do not see each other.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection, Engine

from service.clock import utc_now
from service.domain.address import address_hash, parse_address
from service.domain.delivery.feedback import (
    KEPT_FOR,
    SOFT_BOUNCE_PERIOD,
    UNMATCHED_FOR,
    EventKind,
    ProviderEvent,
    consequence,
)
from service.domain.errors import AddressError, EventAuthError, EventFormatError, UnavailableError
from service.log import Sometimes
from service.mail.events.request import EventRequest, ParsedEvents
from service.store.database import reading
from service.store.delivery import feedback
from service.store.delivery.feedback import EVENTS, WAITING_EVENTS, MatchedEvent, SentMessage
from service.store.plans import read_by_index
from service.store.turns import one_turn
from service.usecases.people import consequences
from service.usecases.people.consequences import Report
from service.usecases.removal import remove_old

MATCH_EVERY_SECONDS = 10.0
"""How often a worker looks whether an event that waits can be matched."""
MAX_NAMED = 8
"""How many types of events that are not understood one request may put into the log."""

_log = structlog.get_logger(__name__)
_refused = Sometimes("provider events refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackResult:
    """How many events of one request had which result."""

    applied: int = 0
    duplicates: int = 0
    unknown: int = 0
    """They name no message of ours, or none that is known by that name yet."""
    ignored: int = 0
    """They mean nothing to us, such as an opened mail."""
    not_understood: int = 0
    """They are of a type that we do not know, or no events at all. Nothing follows from them."""


class Feedback:
    """Takes what providers report. Every event counts once, however often it comes."""

    def __init__(
        self,
        engine: Engine,
        *,
        address_hash_key: bytes,
        parse: Callable[[str, EventRequest], ParsedEvents],
    ) -> None:
        """`parse` authenticates and reads a provider's request, as `EventParsers` does."""
        self._engine = engine
        self._address_hash_key = address_hash_key
        self._parse = parse

    def receive(self, provider: str, request: EventRequest) -> FeedbackResult:
        """Take a request as it came. Raises as `EventParsers` does."""
        try:
            parsed = self._parse(provider, request)
        except (EventAuthError, EventFormatError, UnavailableError) as error:
            _refused.warn(f"{provider}: {error}")
            raise
        return self(provider, parsed.events, ignored=parsed.ignored, malformed=parsed.malformed)

    def __call__(
        self,
        provider: str,
        events: Sequence[ProviderEvent],
        *,
        ignored: int = 0,
        malformed: int = 0,
    ) -> FeedbackResult:
        """Take authentic events, all in one transaction."""
        now = utc_now()
        once = {event.event_id: event for event in events}
        new: set[str] = set()
        kept: list[tuple[ProviderEvent, SentMessage | None]] = []
        matched: list[MatchedEvent] = []
        if once:
            with self._engine.begin() as connection:
                read_by_index(connection)
                found = feedback.messages_of(
                    connection, provider=provider, events=list(once.values())
                )
                pairs = _pair(once.values(), found)
                kept = [pair for pair in pairs if pair[1] is not None or _may_wait(pair[0])]
                new = feedback.record(
                    connection,
                    provider=provider,
                    events=[(event, message.id if message else None) for event, message in kept],
                    received_at=now,
                )
                matched = [
                    MatchedEvent(
                        provider=provider,
                        event_id=event.event_id,
                        kind=event.kind,
                        at=event.at,
                        message=message,
                    )
                    for event, message in kept
                    if message is not None and event.event_id in new
                ]
                self._apply(connection, matched, now=now)
        known = {event.event_id for event, _ in kept} - new
        strange = [
            event
            for event in once.values()
            if event.kind is EventKind.NOT_UNDERSTOOD and event.event_id not in known
        ]
        applied = sum(event.kind is not EventKind.NOT_UNDERSTOOD for event in matched)
        result = FeedbackResult(
            applied=applied,
            duplicates=len(known) + len(events) - len(once),
            unknown=len(once) - len(known) - applied - len(strange),
            ignored=ignored,
            not_understood=len(strange) + malformed,
        )
        for detail in sorted({event.detail or "" for event in strange})[:MAX_NAMED]:
            _log.warning("provider event not understood", provider=provider, detail=detail)
        _log.info("provider events", provider=provider, **asdict(result))
        return result

    def match_waiting(self) -> int:
        """Apply events whose message has got its name by now, forget old ones; return how many."""
        now = utc_now()
        matched: list[MatchedEvent] = []
        with reading(self._engine) as connection:
            may_match = feedback.has_matching(connection)
        if may_match:
            with one_turn(self._engine) as connection:
                matched = feedback.take_waiting(connection)
                self._apply(connection, matched, now=now)
        remove_old(self._engine, WAITING_EVENTS, before=now - UNMATCHED_FOR)
        remove_old(self._engine, EVENTS, before=now - KEPT_FOR)
        return len(matched)

    def _apply(
        self, connection: Connection, matched: Sequence[MatchedEvent], *, now: datetime
    ) -> None:
        """Suppress addresses and end subscriptions, as the rule in `domain.feedback` says."""
        soft = {
            event.message.scope.subscriber_id
            for event in matched
            if event.kind is EventKind.SOFT_BOUNCE
        }
        counts = (
            feedback.count_soft_bounces(connection, soft, since=now - SOFT_BOUNCE_PERIOD)
            if soft
            else {}
        )
        consequences.apply(
            connection,
            [
                Report(
                    kind=event.kind,
                    follows=consequence(
                        event.kind,
                        soft_bounces=counts.get(event.message.scope.subscriber_id, 0),
                    ),
                    at=event.at,
                    address_hash=address_hash(event.message.email_key, self._address_hash_key),
                    email_key=event.message.email_key,
                    subscriber_id=event.message.scope.subscriber_id,
                    scope=event.message.scope,
                    note=event.provider,
                    source=f"provider:{event.provider}",
                )
                for event in matched
            ],
            now=now,
        )


def _may_wait(event: ProviderEvent) -> bool:
    """Our own id was committed before the mail went out; only the provider's may come to be."""
    return event.message_id is None and event.provider_message_id is not None


def _pair(
    events: Iterable[ProviderEvent], messages: Sequence[SentMessage]
) -> list[tuple[ProviderEvent, SentMessage | None]]:
    """Find each event's message: by our id, else by the provider's and the recipient."""
    by_id = {message.id: message for message in messages}
    by_name: dict[str | None, list[SentMessage]] = defaultdict(list)
    for message in by_id.values():
        by_name[message.provider_message_id].append(message)
    pairs: list[tuple[ProviderEvent, SentMessage | None]] = []
    for event in events:
        if event.message_id is not None:
            pairs.append((event, by_id.get(event.message_id)))
            continue
        named = by_name[event.provider_message_id] if event.provider_message_id else []
        if len(named) > 1:
            key = _key(event.recipient)
            named = [message for message in named if message.email_key == key]
        pairs.append((event, named[0] if len(named) == 1 else None))
    return pairs


def _key(recipient: str | None) -> str | None:
    try:
        return parse_address(recipient).key if recipient else None
    except AddressError:
        return None
