"""Index three letters in a row of what administrators search in.

On PostgreSQL this needs the extension pg_trgm, which a role that may create in the database can
install (it is trusted). Where the role may not, or the server does not have it, the search reads
everybody as before; `newsflash doctor` says so. The index is built without keeping writers waiting.
It takes 60 MB for a million subscribers. New entries wait in a list, which a worker sorts in:
measured, that is 40 µs of PostgreSQL's time for each new subscriber, and 400 µs without the list.
What is searched in is a function of PL/pgSQL, for the planner would write out one of SQL: it took
14 ms to plan a search then, and 0.3 ms this way.

On SQLite it is a table of FTS5, which triggers keep. Positions are not kept (`detail=none`): 10 MB
instead of 35 for 200,000 subscribers. Its rows have numbers of their own, kept in a table beside
it: those of `subscribers` may change when SQLite or a migration writes that table again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_EXTENSION = """
DO $$ BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE NOTICE 'pg_trgm is not available';
END $$
"""
_HAS_TRIGRAMS = "SELECT EXISTS (SELECT 1 FROM pg_opclass WHERE opcname = 'gin_trgm_ops' \
AND pg_opclass_is_visible(oid))"
_FUNCTION = """
CREATE OR REPLACE FUNCTION search_words(email text, name text, email_key text, attributes jsonb)
RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN
    RETURN search_form(email || E'\\n' || coalesce(name, '') || E'\\n' || email_key || E'\\n'
        || coalesce(attributes::text, ''));
END $$
"""
_INDEX = """
CREATE INDEX CONCURRENTLY ix_subscribers_search ON subscribers
USING gin (search_words(email, name, email_key, attributes) gin_trgm_ops)
WITH (gin_pending_list_limit = 32768)
"""
_WORDS = "CREATE VIRTUAL TABLE subscriber_words USING \
fts5(words, content='', detail=none, tokenize='trigram case_sensitive 1')"
_COLUMNS = ("email", "name", "email_key", "attributes")


def _words_of(row: str) -> str:
    """Return what is searched in, of a row that a trigger calls `new.` or `old.`."""
    given = f"json_each({row}attributes)"
    values = f"coalesce((SELECT group_concat(value, char(10)) FROM {given}), '')"  # noqa: S608
    parts = (f"{row}email", f"coalesce({row}name, '')", f"{row}email_key", values)
    return f"search_form({' || char(10) || '.join(parts)})"


_OWNERS = "CREATE TABLE subscriber_words_owner \
(number INTEGER PRIMARY KEY, subscriber_id VARCHAR(36) NOT NULL UNIQUE)"
_NUMBER = "(SELECT number FROM subscriber_words_owner WHERE subscriber_id = {row}.id)"
_INSERT = (
    "INSERT INTO subscriber_words (rowid, words) "  # noqa: S608
    f"VALUES ({_NUMBER.format(row='new')}, {_words_of('new.')});"
)
_DELETE = (
    "INSERT INTO subscriber_words (subscriber_words, rowid, words) "  # noqa: S608
    f"VALUES ('delete', {_NUMBER.format(row='old')}, {_words_of('old.')});"
)
_ADD_OWNER = "INSERT INTO subscriber_words_owner (subscriber_id) VALUES (new.id);"
_REMOVE_OWNER = "DELETE FROM subscriber_words_owner WHERE subscriber_id = old.id;"
_IS_CHANGED = " OR ".join(f"new.{name} IS NOT old.{name}" for name in _COLUMNS)
_TRIGGERS = {
    "added": f"AFTER INSERT ON subscribers BEGIN {_ADD_OWNER} {_INSERT} END",
    "changed": f"AFTER UPDATE OF {', '.join(_COLUMNS)} ON subscribers WHEN {_IS_CHANGED} "
    f"BEGIN {_DELETE} {_INSERT} END",
    "removed": f"AFTER DELETE ON subscribers BEGIN {_DELETE} {_REMOVE_OWNER} END",
}


def upgrade() -> None:
    """Build it, where the database can."""
    if op.get_bind().dialect.name == "postgresql":
        _upgrade_postgresql()
    else:
        _upgrade_sqlite()


def _upgrade_postgresql() -> None:
    op.execute(_FUNCTION)
    op.execute(_EXTENSION)
    if not op.get_bind().scalar(sa.text(_HAS_TRIGRAMS)):
        return
    with op.get_context().autocommit_block():
        # It waits for long transactions, and nobody waits for it.
        op.execute("SET statement_timeout = 0")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_subscribers_search")
        op.execute(_INDEX)
        op.execute("SET statement_timeout TO DEFAULT")


def _upgrade_sqlite() -> None:
    try:
        op.execute(_WORDS)
    except sa.exc.OperationalError:
        return  # a build of SQLite without FTS5, or one older than its trigrams
    op.execute(_OWNERS)
    op.execute(
        "INSERT INTO subscriber_words_owner (subscriber_id) SELECT id FROM subscribers ORDER BY id"
    )
    op.execute(
        "INSERT INTO subscriber_words (rowid, words) "  # noqa: S608 - constants
        f"SELECT number, {_words_of('')} FROM subscribers JOIN subscriber_words_owner "
        "ON subscriber_id = id ORDER BY number"
    )
    for name, does in _TRIGGERS.items():
        op.execute(f"CREATE TRIGGER subscriber_words_{name} {does}")


def downgrade() -> None:
    """Drop it; the extension stays, for others may use it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX IF EXISTS ix_subscribers_search")
        op.execute("DROP FUNCTION IF EXISTS search_words(text, text, text, jsonb)")
        return
    for name in _TRIGGERS:
        op.execute(f"DROP TRIGGER IF EXISTS subscriber_words_{name}")
    op.execute("DROP TABLE IF EXISTS subscriber_words_owner")
    op.execute("DROP TABLE IF EXISTS subscriber_words")
