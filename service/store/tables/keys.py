"""The table that says which keys a database was used with."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import db


class KeyFingerprint(db.Model):  # type: ignore[name-defined,misc]
    """A key that signs, or signed until it was changed; `position` counts from the oldest, 0."""

    __tablename__ = "key_fingerprints"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fingerprint: Mapped[str] = mapped_column(String(64))
