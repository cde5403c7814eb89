"""The database's version: where the migrations are, and how Alembic runs them."""

from argparse import Namespace
from enum import StrEnum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from service.store.database import reading
from service.store.tables.base import Base

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"


class Version(StrEnum):
    """Which version of this service has set a database up."""

    NONE = "none"
    OLDER = "older"
    THIS = "this"
    NEWER = "newer"


def newest_revision() -> str | None:
    """Return the last migration of this version."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def revision_of(connection: Connection) -> str | None:
    """Return the last migration that the database has had; None before the first."""
    return MigrationContext.configure(connection).get_current_revision()


def version_of(engine: Engine) -> Version:
    """Return which version of this service set the database up; raise `SQLAlchemyError`."""
    with reading(engine) as connection:
        revision = revision_of(connection)
    if revision is None:
        return Version.NONE
    scripts = ScriptDirectory(str(MIGRATIONS))
    if revision == scripts.get_current_head():
        return Version.THIS
    known = {script.revision for script in scripts.walk_revisions()}
    return Version.OLDER if revision in known else Version.NEWER


def upgrade(engine: Engine, *, address_hash_key: bytes, lock_timeout_ms: int) -> None:
    """Run the migrations that the database has not had; one of them hashes addresses.

    On PostgreSQL each is a transaction of its own and waits at most `lock_timeout_ms` for a table;
    then it raises `OperationalError`, and the migrations before it stay.
    """
    config = alembic_config(engine, address_hash_key=address_hash_key)
    config.cmd_opts = Namespace(x=[f"lock_timeout={lock_timeout_ms}ms"])
    command.upgrade(config, "head")


def print_revision(engine: Engine) -> None:
    """Print the last migration that the database has had."""
    command.current(alembic_config(engine))


def difference(engine: Engine) -> str | None:
    """Return in one line how the database differs from the tables of this version, or None."""
    try:
        command.check(alembic_config(engine))
    except CommandError as error:
        return str(error)
    return None


def alembic_config(engine: Engine, **more: object) -> Config:
    """Return what Alembic's commands take, for this database; `more` is for the migrations."""
    config = Config(str(MIGRATIONS / "alembic.ini"))
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes |= {"engine": engine, "tables": Base.metadata, **more}
    return config
