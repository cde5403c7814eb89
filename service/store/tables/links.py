"""What is kept of the pages that a link opens: the wrong codes typed there."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import db


class CodeTries(db.Model):  # type: ignore[name-defined,misc]
    """The wrong codes typed on one status page, whatever became of its signup: so nothing refers,
    and nothing of the signup is here but the id in the page's own link.
    """

    __tablename__ = "code_tries"
    __table_args__ = (Index(None, "at"),)

    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    tries: Mapped[int]
    at: Mapped[datetime]
    """When the last wrong code was typed: all of them count for as long as that one."""
