"""Retention: what has been kept long enough goes, in small pieces, and is counted in the log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import Connection, Engine

from service.clock import utc_now
from service.config import Settings
from service.domain.address import address_hash
from service.domain.delivery.feedback import SOFT_BOUNCE_PERIOD
from service.domain.subscription import CODE_LIFE_MAX
from service.store.access.audit import AUDIT_ENTRIES, audit_page, insert_audit
from service.store.database import reading
from service.store.people import retention as store
from service.store.people.subscribers import get_subscriber
from service.usecases.people.erase import erase_person
from service.usecases.removal import AT_ONCE, remove_in_pieces, remove_old

PEOPLE_AT_ONCE = 500
"""Who is erased in one run, of each kind."""
PEOPLE_PIECE = 10
"""Who is erased in one transaction."""

ACTION = "retention.run"
SHOWN_RUNS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """After how many days data is deleted. 0: never."""

    unconfirmed_days: int
    """People who never confirmed. They may sign up, or be imported, as if never seen."""
    ended_days: int
    """People who left all their lists. The keyed hash of the address stays suppressed."""
    mail_days: int
    """Settled emails. What providers reported of them is kept for `KEPT_FOR` (domain.feedback)."""
    audit_days: int = 0
    """Entries of the audit log, with the manifests of exports among them."""

    @classmethod
    def of(cls, settings: Settings) -> "RetentionRules":
        """Read them from the settings. Whatever a link or a count still needs is kept for it."""
        unconfirmed, mails = settings.retention_unconfirmed_days, settings.retention_mail_days
        return cls(
            # Nobody goes while the link in their email still works.
            unconfirmed_days=unconfirmed and max(unconfirmed, settings.confirm_days),
            ended_days=settings.retention_ended_days,
            # Nor does an email while wrong codes on its page, or soft bounces of it, count.
            mail_days=mails
            and max(
                mails,
                2 * min(settings.confirm_days, CODE_LIFE_MAX.days),
                SOFT_BOUNCE_PERIOD.days,
            ),
            audit_days=settings.retention_audit_days,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """How many went in one run."""

    unconfirmed: int = 0
    ended: int = 0
    mails: int = 0
    audit_entries: int = 0

    @property
    def total(self) -> int:
        """How many in all."""
        return self.unconfirmed + self.ended + self.mails + self.audit_entries


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run that deleted something."""

    at: datetime
    actor: str
    removed: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionView:
    """The retention periods, and the newest runs that deleted something."""

    rules: RetentionRules
    runs: Sequence[PastRun]


class _FindPeople(Protocol):
    def __call__(self, connection: Connection, at: datetime, *, limit: int) -> Sequence[UUID]: ...


_LockPeople = Callable[[Connection, datetime, Sequence[UUID]], Sequence[UUID]]


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
            unconfirmed=self._erase(
                rules.unconfirmed_days,
                store.unconfirmed_before,
                store.lock_unconfirmed,
                keeps_hash=False,
            ),
            ended=self._erase(
                rules.ended_days, store.ended_before, store.lock_ended, keeps_hash=True
            ),
            mails=self._remove_mails(rules.mail_days),
            audit_entries=self._remove_audit(rules.audit_days),
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

    def _remove_audit(self, days: int) -> int:
        before = utc_now() - timedelta(days=days)
        return remove_old(self._engine, AUDIT_ENTRIES, before=before) if days else 0

    def _remove_mails(self, days: int) -> int:
        if not days:
            return 0
        before = utc_now() - timedelta(days=days)
        return remove_in_pieces(
            self._engine,
            lambda connection: store.settled_before(connection, before, limit=AT_ONCE),
            store.delete_settled,
        )

    def _erase(self, days: int, find: _FindPeople, lock: _LockPeople, *, keeps_hash: bool) -> int:
        if not days:
            return 0
        before = utc_now() - timedelta(days=days)

        def erase(connection: Connection, people: Sequence[UUID]) -> int:
            still = lock(connection, before, people)
            for subscriber_id in still:
                self._erase_one(connection, subscriber_id, keeps_hash=keeps_hash)
            return len(still)

        return remove_in_pieces(
            self._engine, lambda c: find(c, before, limit=PEOPLE_AT_ONCE), erase, piece=PEOPLE_PIECE
        )

    def _erase_one(self, connection: Connection, subscriber_id: UUID, *, keeps_hash: bool) -> None:
        info = get_subscriber(connection, subscriber_id)
        if info is not None:
            hashed = address_hash(info.email_key, self._hash_key) if keeps_hash else None
            erase_person(connection, info, address_hash=hashed, at=utc_now())
