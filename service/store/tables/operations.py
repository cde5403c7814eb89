"""The table of the processes that deliver."""

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
