"""The tables of the sealed ledger and of the texts that people agreed to."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import db


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
    """The one row that says where the chain ends; whoever holds its lock seals."""

    __tablename__ = "ledger_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger)
    entry_hash: Mapped[str] = mapped_column(String(64))


class SealedText(db.Model):  # type: ignore[name-defined,misc]
    """The exact words that sealed entries name by their SHA-256."""

    __tablename__ = "sealed_texts"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str]


class ConsentTextVersion(db.Model):  # type: ignore[name-defined,misc]
    """A list's own consent text. Rows are only added: a change is the next version."""

    __tablename__ = "consent_texts"

    mailing_list_id: Mapped[UUID] = mapped_column(ForeignKey("mailing_lists.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    locale: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[datetime]
