"""Which version of this service has set a database up, found without Alembic, which only migrates.

Alembic and what it brings along are a tenth of the memory of a process, and of its start.
"""

from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from service.store.database import reading

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"
_TABLE = "alembic_version"


class Version(StrEnum):
    """Which version of this service has set a database up."""

    NONE = "none"
    OLDER = "older"
    THIS = "this"
    NEWER = "newer"


def revisions() -> list[str]:
    """Return the migrations of this version, oldest first: the name of each file begins with it."""
    names = (path.name for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))
    return sorted(name.partition("_")[0] for name in names)


def newest_revision() -> str:
    """Return the last migration of this version."""
    return revisions()[-1]


def revision_of(connection: Connection) -> str | None:
    """Return the last migration that the database has had; None before the first."""
    if not connection.dialect.has_table(connection, _TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {_TABLE}"))
    return found


def version_of(engine: Engine) -> Version:
    """Return which version of this service set the database up; raise `SQLAlchemyError`."""
    with reading(engine) as connection:
        revision = revision_of(connection)
    known = revisions()
    if revision is None:
        return Version.NONE
    if revision == known[-1]:
        return Version.THIS
    return Version.OLDER if revision in known else Version.NEWER
