"""The mailing lists, and the consent texts of each."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import db


class MailingList(db.Model):  # type: ignore[name-defined,misc]
    """What one subscribes to, and who answers for it (GDPR article 13: controller, notice)."""

    __tablename__ = "mailing_lists"
    # Whatever happens at once, one list at most is the default.
    __table_args__ = (
        Index(
            "uq_mailing_lists_default",
            "is_default",
            unique=True,
            sqlite_where=text("is_default"),
            postgresql_where=text("is_default"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    controller: Mapped[str] = mapped_column(default="")
    privacy_url: Mapped[str] = mapped_column(default="")
    sender: Mapped[str | None]
    origins: Mapped[list[str]] = mapped_column(default=list)
    redirect_url: Mapped[str | None]
    locale: Mapped[str] = mapped_column(default="en")
    is_default: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ConsentTextVersion(db.Model):  # type: ignore[name-defined,misc]
    """A list's own consent text. Rows are only added: a change is the next version."""

    __tablename__ = "consent_texts"

    mailing_list_id: Mapped[UUID] = mapped_column(ForeignKey("mailing_lists.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    locale: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[datetime]
