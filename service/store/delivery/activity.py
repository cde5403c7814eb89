"""What providers did, counted for `/metrics`: one row a provider."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from service.domain.delivery.breaker import BreakerState
from service.domain.delivery.retry import SendOutcome
from service.store.tables.delivery import ProviderActivity

_COUNTS = {outcome: outcome.value for outcome in SendOutcome}


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """A provider's counters, and its breaker as a worker last wrote it."""

    provider: str
    counts: Mapping[SendOutcome, int]
    breaker_state: BreakerState
    breaker_until: datetime | None
    last_error: str | None
    """Why it refused the last call or message; None since it took one."""
    updated_at: datetime


def record(
    connection: Connection,
    provider: str,
    counts: Mapping[SendOutcome, int],
    breaker_state: BreakerState,
    until: datetime | None,
    *,
    error: str | None,
    now: datetime,
) -> None:
    """Add to the provider's counters and note how its breaker stands: one upsert.

    `error` is why it refused something; without one, the last is forgotten if it took something.

    The row is locked until the transaction ends, so make it the last statement of a short one:
    counts of many calls together rather than of each by itself.
    """
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    added = {name: counts.get(outcome, 0) for outcome, name in _COUNTS.items()}
    state = {"breaker_state": breaker_state.value, "breaker_until": until, "updated_at": now}
    if error is not None or counts.get(SendOutcome.ACCEPTED):
        state["last_error"] = error
    table = ProviderActivity.__table__
    connection.execute(
        insert(ProviderActivity)
        .values(provider=provider, **added, **state)
        .on_conflict_do_update(
            index_elements=["provider"],
            set_={**{name: table.c[name] + more for name, more in added.items()}, **state},
        )
    )


def all_activity(connection: Connection) -> list[Activity]:
    """Return every provider that was ever called, by name."""
    rows = connection.execute(
        select(ProviderActivity.__table__).order_by(ProviderActivity.provider)
    ).mappings()
    return [
        Activity(
            provider=row["provider"],
            counts={outcome: row[name] for outcome, name in _COUNTS.items()},
            breaker_state=BreakerState(row["breaker_state"]),
            breaker_until=row["breaker_until"],
            last_error=row["last_error"],
            updated_at=row["updated_at"],
        )
        for row in rows
    ]
