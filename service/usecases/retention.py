"""Retention: what has been kept long enough goes, in small batches, and is counted in the log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine

from service.clock import utc_now
from service.domain.address import address_hash
from service.store import retention as store
from service.store.audit import audit_page, insert_audit
from service.store.database import reading
from service.store.subscribers import get_subscriber
from service.usecases.erase import erase_person

BATCH_PEOPLE = 50
BATCH_ROWS = 1_000
BATCHES = 10
"""Transactions of each kind in one run."""

ACTION = "retention.run"
SHOWN_RUNS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """After how many days each goes; 0 means never."""

    unconfirmed_days: int
    """People who never confirmed. They may sign up, or be imported, as if never seen."""
    ended_days: int
    """People who left all their lists. The keyed hash of the address stays suppressed."""
    mail_days: int
    """Settled mails and what providers reported of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """How many went in one run."""

    unconfirmed: int = 0
    ended: int = 0
    mails: int = 0
    mail_events: int = 0

    @property
    def total(self) -> int:
        """How many in all."""
        return self.unconfirmed + self.ended + self.mails + self.mail_events


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run that removed something."""

    at: datetime
    actor: str
    removed: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionView:
    """The rules, and the newest runs that removed something."""

    rules: RetentionRules
    runs: Sequence[PastRun]


class Retention:
    """Applies the rules. Any number of workers may."""

    def __init__(self, engine: Engine, *, rules: RetentionRules, address_hash_key: bytes) -> None:
        """Take what the use case works with."""
        self._engine = engine
        self._rules = rules
        self._hash_key = address_hash_key

    def show(self) -> RetentionView:
        """Return the rules and what they last removed."""
        with reading(self._engine) as connection:
            found = audit_page(connection, limit=SHOWN_RUNS, action=ACTION)
        return RetentionView(
            rules=self._rules,
            runs=[
                PastRun(at=each.at, actor=each.actor, removed=each.detail or {}) for each in found
            ],
        )

    def run(self, *, actor: str) -> Removed:
        """Remove a bounded part of what has been kept long enough; audited where it was any."""
        rules = self._rules
        removed = Removed(
            unconfirmed=self._repeat(rules.unconfirmed_days, self._erase_unconfirmed),
            ended=self._repeat(rules.ended_days, self._erase_ended),
            mail_events=self._repeat(
                rules.mail_days, lambda c, at: store.delete_events_before(c, at, limit=BATCH_ROWS)
            ),
            mails=self._repeat(
                rules.mail_days, lambda c, at: store.delete_mails_before(c, at, limit=BATCH_ROWS)
            ),
        )
        if removed.total:
            with self._engine.begin() as connection:
                insert_audit(
                    connection, at=utc_now(), actor=actor, action=ACTION, detail=asdict(removed)
                )
        return removed

    def run_as_chore(self) -> int:
        """Do the same for the worker; return how much was removed."""
        return self.run(actor="worker").total

    def _repeat(self, days: int, remove: Callable[[Connection, datetime], int]) -> int:
        """Remove in transactions of their own until one finds nothing."""
        count = 0
        if days:
            at = utc_now() - timedelta(days=days)
            for _ in range(BATCHES):
                with self._engine.begin() as connection:
                    found = remove(connection, at)
                count += found
                if not found:
                    break
        return count

    def _erase_unconfirmed(self, connection: Connection, at: datetime) -> int:
        people = store.unconfirmed_before(connection, at, limit=BATCH_PEOPLE)
        return self._erase(connection, people, keeps_hash=False)

    def _erase_ended(self, connection: Connection, at: datetime) -> int:
        people = store.ended_before(connection, at, limit=BATCH_PEOPLE)
        return self._erase(connection, people, keeps_hash=True)

    def _erase(self, connection: Connection, people: Sequence[UUID], *, keeps_hash: bool) -> int:
        for subscriber_id in people:
            info = get_subscriber(connection, subscriber_id)
            if info is not None:
                erase_person(
                    connection,
                    info,
                    address_hash=(
                        address_hash(info.email_key, self._hash_key) if keeps_hash else None
                    ),
                    at=utc_now(),
                )
        return len(people)
