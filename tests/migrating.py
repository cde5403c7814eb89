"""Migrations of a test's database: down, and up again."""

from alembic import command
from sqlalchemy import Engine

from service.store.operations import migrations

ADDRESS_HASH_KEY = b"an-address-hash-key-for-tests-only-01"


def downgrade(engine: Engine, revision: str) -> None:
    """Undo the migrations after this one."""
    config = migrations.alembic_config(engine, address_hash_key=ADDRESS_HASH_KEY)
    command.downgrade(config, revision)


def upgrade(engine: Engine, *, lock_timeout_ms: int = 3000) -> None:
    """Run those that are missing."""
    migrations.upgrade(engine, address_hash_key=ADDRESS_HASH_KEY, lock_timeout_ms=lock_timeout_ms)
