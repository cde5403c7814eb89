"""Column types that hold the same value, comparable in SQL, on both databases."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import DateTime, Dialect, String, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine


def new_id() -> UUID:
    """Return a fresh public id (UUIDv7, RFC 9562 section 5.7), which sorts by time."""
    return uuid_utils.compat.uuid7()


def first_id(at: datetime) -> UUID:
    """Return an id that sorts before every one created from `at` on."""
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=milliseconds << 80)


def utc_text(at: datetime) -> str:
    """Write a time as SQLite keeps it: ISO 8601 UTC of one width, sorted as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


class PublicId(TypeDecorator[UUID]):
    """A UUID: `uuid` on PostgreSQL, 36 characters of text on SQLite."""

    impl = String(36)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the native type where there is one."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Uuid(as_uuid=True))
        return dialect.type_descriptor(String(36))

    def process_bind_param(self, value: UUID | str | None, dialect: Dialect) -> UUID | str | None:
        """Take a UUID or its text."""
        if value is None:
            return None
        return UUID(str(value)) if dialect.name == "postgresql" else str(value)

    def process_result_value(self, value: UUID | str | None, _dialect: Dialect) -> UUID | None:
        """Give a UUID."""
        return UUID(value) if isinstance(value, str) else value


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time: `timestamptz` on PostgreSQL, ISO 8601 text of one width on SQLite."""

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the native type where there is one."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Refuse a naive time; write SQLite's text."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time needs a zone")
        return value if dialect.name == "postgresql" else utc_text(value)

    def process_result_value(
        self, value: datetime | str | None, _dialect: Dialect
    ) -> datetime | None:
        """Give an aware UTC time."""
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC) if value is not None else None
