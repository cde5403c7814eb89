"""The consent events and the chain that they are sealed into."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import db


class ConsentEvent(db.Model):  # type: ignore[name-defined,misc]
    """One entry of the append-only ledger. It outlives the subscriber, so nothing refers.

    It is sealed afterwards (`LedgerEntry`): `position` is its place in the chain, and `salt`
    is what its personal fields entered the chain with. Erasure empties those fields and the salt.
    """

    __tablename__ = "consent_events"
    __table_args__ = (
        Index(None, "subscriber_id", "at", "id"),
        # What a person did by a link, however often somebody asked for it.
        Index(
            "ix_consent_events_acts",
            "subscriber_id",
            sqlite_where=text("kind IN ('confirmed', 'resumed', 'reason_given')"),
            postgresql_where=text("kind IN ('confirmed', 'resumed', 'reason_given')"),
        ),
        # Exports of changes name the erased.
        Index(
            "ix_consent_events_erased",
            "at",
            sqlite_where=text("kind = 'erased'"),
            postgresql_where=text("kind = 'erased'"),
        ),
        Index(
            "ix_consent_events_unsealed",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscriber_id: Mapped[UUID]
    mailing_list_id: Mapped[UUID]
    epoch: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    source: Mapped[str | None]
    locale: Mapped[str | None]
    ip: Mapped[str | None]
    text_version: Mapped[str | None]
    detail: Mapped[str | None]
    email: Mapped[str | None]
    name: Mapped[str | None]
    position: Mapped[int | None] = mapped_column(BigInteger)
    salt: Mapped[str | None] = mapped_column(String(64))


class LedgerEntry(db.Model):  # type: ignore[name-defined,misc]
    """A consent event's place in the chain. `commitments` outlive the fields they stand for."""

    __tablename__ = "ledger_entries"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID] = mapped_column(unique=True)
    previous_hash: Mapped[str] = mapped_column(String(64))
    entry_hash: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[datetime]
    text_sha256: Mapped[str | None] = mapped_column(String(64))
    commitments: Mapped[dict[str, Any]]


class LedgerHead(db.Model):  # type: ignore[name-defined,misc]
    """The one row that says where the chain ends. Sealing holds its lock."""

    __tablename__ = "ledger_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger)
    entry_hash: Mapped[str] = mapped_column(String(64))


class SealedText(db.Model):  # type: ignore[name-defined,misc]
    """The exact words that sealed entries name by their SHA-256."""

    __tablename__ = "sealed_texts"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str]


class DailyActs(db.Model):  # type: ignore[name-defined,misc]
    """How often a kind of consent event was on a day (UTC, ISO 8601) on a list, up to the event
    that `DailyActsHead` names. Ends by a bounce or a complaint are not counted.
    """

    __tablename__ = "daily_acts"

    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    mailing_list_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class DailyActsHead(db.Model):  # type: ignore[name-defined,misc]
    """The one row with the place in the chain up to which acts are counted."""

    __tablename__ = "daily_acts_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger)
