"""How Alembic runs the migrations."""

from argparse import Namespace

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine

from service.store.operations.version import MIGRATIONS
from service.store.tables.base import Base


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
