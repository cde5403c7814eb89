"""The version of a database is found without Alembic, and is the one that Alembic finds."""

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from service.store.operations.version import (
    MIGRATIONS,
    Version,
    newest_revision,
    revision_of,
    revisions,
    version_of,
)
from tests.migrating import downgrade

SET_REVISION = text("UPDATE alembic_version SET version_num = :it")


def test_the_names_of_the_files_say_what_alembic_says():
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert revisions() == [each.revision for each in scripts.walk_revisions()][::-1]
    assert newest_revision() == scripts.get_current_head()


def test_a_database_has_the_revision_that_alembic_finds(engine: Engine):
    with engine.connect() as connection:
        assert revision_of(connection) == newest_revision()
        found = MigrationContext.configure(connection).get_current_revision()
        assert revision_of(connection) == found


def test_each_version_is_known(engine: Engine):
    assert version_of(engine) is Version.THIS
    for revision, version in (("0001", Version.OLDER), ("9999", Version.NEWER)):
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE alembic_version SET version_num = :it"), {"it": revision}
            )
        assert version_of(engine) is version
    with engine.begin() as connection:
        connection.execute(SET_REVISION, {"it": newest_revision()})
    downgrade(engine, "base")
    assert version_of(engine) is Version.NONE
