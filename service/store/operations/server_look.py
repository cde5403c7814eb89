"""What a look at the PostgreSQL server shows: who we are there, and what that allows."""

from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from service.store.operations.capacity import TOO_MANY, is_too_many

_LOOK = """
SELECT current_user AS role, current_database() AS database, current_schema() AS schema,
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
    (SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace
        AND relkind = 'r' AND NOT pg_has_role(relowner, 'USAGE')) AS foreign_tables,
    (SELECT min(pg_get_userbyid(relowner)) FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace
        AND relkind = 'r' AND NOT pg_has_role(relowner, 'USAGE')) AS foreign_owner,
    (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS is_encrypted,
    to_regclass('subscribers') IS NULL OR EXISTS (SELECT 1 FROM pg_index
        WHERE indexrelid = to_regclass('ix_subscribers_search') AND indisvalid) AS has_search_index
"""
_REASONS = (
    ("does not exist", "database", "there is no such database: create it, or correct its name in"),
    ("does not exist", "role", "there is no such role: create it, or correct its name in"),
    ("password authentication failed", "", "the password is wrong, or the role's name: correct"),
    ("no password supplied", "", "a password is needed: add it to"),
    (
        "no pg_hba.conf entry",
        "",
        "the server's pg_hba.conf does not allow this connection: change it, or correct",
    ),
    ("permission denied for database", "", "the role may not connect: GRANT CONNECT, or correct"),
    ("SSL", "", "the encrypted connection failed: correct sslmode and certificates in"),
    (
        "Connection refused",
        "",
        "nothing listens there: start the server, or correct host or port in",
    ),
    ("resolve host", "", "the host is unknown: correct its name in"),
    ("translate host", "", "the host is unknown: correct its name in"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLook:
    """How the service stands at its PostgreSQL server."""

    role: str
    database: str
    schema: str | None
    may_create: bool
    """Whether the role may create tables in the schema, as migrations do."""
    foreign_tables: int
    """Tables there that only another role may change."""
    foreign_owner: str | None
    is_encrypted: bool | None
    has_search_index: bool = True
    """Whether the search for subscribers has its index, where there is anything to search."""


def look_at_server(connection: Connection) -> ServerLook:
    """Ask the server. Nothing is changed."""
    return ServerLook(**connection.exec_driver_sql(_LOOK).mappings().one())


def why_no_connection(error: Exception) -> str:
    """Return why PostgreSQL does not let us in and what to change, in one line without a secret.

    libpq gives no SQLSTATE for a connection that did not come about, only words.
    """
    if is_too_many(error):
        return TOO_MANY
    text = str(error.orig) if isinstance(error, DBAPIError) else ""
    for words, kind, reason in _REASONS:
        if words in text and kind in text:
            return f"{reason} DATABASE_URL"
    return "it does not answer: check DATABASE_URL"
