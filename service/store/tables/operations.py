"""The processes that deliver, the keys in use, and the row that tests writing."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import db


class WorkerProcess(db.Model):  # type: ignore[name-defined,misc]
    """A worker: when it was last seen, and what it runs with. `providers` holds, in the order of
    its `MAIL_URL`, `[name, calls a second or null, emails in a call]`.
    """

    __tablename__ = "workers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    version: Mapped[str] = mapped_column(String(32))
    public_url: Mapped[str]
    providers: Mapped[list[list[Any]]]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]
    retention_at: Mapped[datetime | None]


class KeyFingerprint(db.Model):  # type: ignore[name-defined,misc]
    """A key that signs, or signed until it was changed; `position` counts from the oldest, 0."""

    __tablename__ = "key_fingerprints"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fingerprint: Mapped[str] = mapped_column(String(64))


class WriteProbe(db.Model):  # type: ignore[name-defined,misc]
    """The one row that `/readyz` writes, to see whether the database takes writes."""

    __tablename__ = "write_probe"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
