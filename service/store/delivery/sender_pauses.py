"""Senders that a provider refuses: for how long each is left alone, and who tries it again.

A sender is an address of the operator's, from the settings or a list. All processes share what is
written here, so that one call at a time finds out whether the sender may be used by now.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.domain.delivery.retry import MISCONFIGURED_MAX_DELAY, sender_pause
from service.store.tables.delivery import SenderPause

CURRENT_FOR = MISCONFIGURED_MAX_DELAY + timedelta(minutes=5)
"""A pause that is over for longer than this is of a sender that is not used any more."""
FORGET_AFTER = timedelta(days=1)
"""How long after its pause a sender is remembered as refused, so that its next pause is longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedSender:
    """A sender that a provider does not take, and the provider's code for why."""

    provider: str
    sender: str
    error: str
    refused_at: datetime
    paused_until: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """Which senders are to be left alone, and which of the others are being tried again."""

    paused: Mapping[str, RefusedSender] = field(default_factory=dict)
    tried: frozenset[str] = frozenset()


_COLUMNS = tuple(SenderPause.__table__.c[name] for name in RefusedSender.__dataclass_fields__)
_OF_SENDERS = select(*_COLUMNS).where(
    SenderPause.provider == bindparam("provider"),
    SenderPause.sender.in_(bindparam("senders", expanding=True)),
)


def hold(
    connection: Connection,
    provider: str,
    senders: Collection[str],
    *,
    now: datetime,
    tried_until: datetime,
) -> Held:
    """Return which of the senders are paused. One whose pause is over is paused for everybody else
    until `tried_until`: the caller tries it.
    """
    rows = connection.execute(
        _OF_SENDERS, {"provider": provider, "senders": sorted(senders)}
    ).mappings()
    paused: dict[str, RefusedSender] = {}
    tried: set[str] = set()
    for found in [RefusedSender(**row) for row in rows]:
        if found.paused_until > now:
            paused[found.sender] = found
            continue
        ours = connection.execute(
            update(SenderPause)
            .where(
                SenderPause.provider == provider,
                SenderPause.sender == found.sender,
                SenderPause.paused_until == found.paused_until,
            )
            .values(paused_until=tried_until)
        ).rowcount
        if ours:
            tried.add(found.sender)
        else:
            paused[found.sender] = found
    return Held(paused, frozenset(tried))


def refuse(
    connection: Connection,
    provider: str,
    sender: str,
    *,
    error: str,
    began_at: datetime,
    now: datetime,
) -> datetime:
    """Pause the sender, longer each time, and return until when.

    `began_at` is when the call began: those that were under way together count once.
    """
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    key = (SenderPause.provider == provider) & (SenderPause.sender == sender)
    new = {"refusals": 0, "error": error, "refused_at": began_at, "paused_until": now}
    connection.execute(
        insert(SenderPause)
        .values(provider=provider, sender=sender, **new)
        .on_conflict_do_nothing(index_elements=["provider", "sender"])
    )
    row = connection.execute(
        select(SenderPause.refusals, SenderPause.refused_at, SenderPause.paused_until)
        .where(key)
        .with_for_update()
    ).one()
    if began_at < row.refused_at:
        until: datetime = row.paused_until
        return until
    until = now + sender_pause(row.refusals + 1)
    connection.execute(
        update(SenderPause)
        .where(key)
        .values(refusals=row.refusals + 1, error=error, refused_at=now, paused_until=until)
    )
    connection.execute(delete(SenderPause).where(SenderPause.paused_until < now - FORGET_AFTER))
    return until


def paused(connection: Connection, *, now: datetime) -> dict[tuple[str, str], RefusedSender]:
    """Return all senders that are paused now, by provider and sender."""
    rows = connection.execute(select(*_COLUMNS).where(SenderPause.paused_until > now)).mappings()
    found = [RefusedSender(**row) for row in rows]
    return {(each.provider, each.sender): each for each in found}


def accept(connection: Connection, provider: str, senders: Collection[str]) -> None:
    """Forget that the senders were refused."""
    connection.execute(
        delete(SenderPause).where(
            SenderPause.provider == provider, SenderPause.sender.in_(sorted(senders))
        )
    )


def refused_senders(connection: Connection, *, now: datetime) -> list[RefusedSender]:
    """Return the senders that are refused at the moment, by provider."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(SenderPause.paused_until > now - CURRENT_FOR)
        .order_by(SenderPause.provider, SenderPause.sender)
    ).mappings()
    return [RefusedSender(**row) for row in rows]
