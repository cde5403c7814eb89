"""What migrations share: how a long one keeps a running service waiting for moments only."""

from alembic import op


def commit_step() -> None:
    """Commit what the migration has done so far, and let go of its locks.

    On SQLite, where a writer has the file to itself, all stays one transaction. Should the
    migration break off later, it begins again from its first line, so each step before this must
    do no harm when it is done twice (`if_not_exists`, `if_exists`).
    """
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            pass  # Alembic commits before the block and begins a transaction after it
