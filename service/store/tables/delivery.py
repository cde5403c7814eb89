"""The tables of what providers did, and of the senders they refuse."""

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import db


class ProviderActivity(db.Model):  # type: ignore[name-defined,misc]
    """How a provider's messages ended since counting began, and how its breaker stands."""

    __tablename__ = "provider_activity"

    provider: Mapped[str] = mapped_column(String(32), primary_key=True)
    accepted: Mapped[int] = mapped_column(BigInteger, server_default="0")
    temporary: Mapped[int] = mapped_column(BigInteger, server_default="0")
    rejected: Mapped[int] = mapped_column(BigInteger, server_default="0")
    misconfigured: Mapped[int] = mapped_column(BigInteger, server_default="0")
    unknown: Mapped[int] = mapped_column(BigInteger, server_default="0")
    breaker_state: Mapped[str] = mapped_column(String(16))
    breaker_until: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(64))
    updated_at: Mapped[datetime]


class SenderPause(db.Model):  # type: ignore[name-defined,misc]
    """A sender that a provider refuses. `refusals` counts in a row; while one call tries the sender
    again, `paused_until` is when somebody else may.
    """

    __tablename__ = "sender_pauses"

    provider: Mapped[str] = mapped_column(String(32), primary_key=True)
    sender: Mapped[str] = mapped_column(primary_key=True)
    refusals: Mapped[int]
    error: Mapped[str] = mapped_column(String(64))
    refused_at: Mapped[datetime]
    paused_until: Mapped[datetime]
