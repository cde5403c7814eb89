"""How many connections a PostgreSQL server takes, and what it says when there are too many."""

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from service.store.database import is_pooled

TOO_MANY = (
    "PostgreSQL takes no more connections: start fewer processes (--workers), or raise its "
    "max_connections (docs/operating.md, Sizing)"
)
_TOO_MANY = "53300"
_WORDS = ("too many clients", "connection slots are reserved", "too many connections")
_FREE = """
SELECT least(
    current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int,
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
)
"""


def connections_allowed(connection: Connection) -> int | None:
    """Return how many connections the server takes from this role to this database, all processes
    together; None where nothing counts them: SQLite, and a pooler that hands its own out.
    """
    if connection.dialect.name != "postgresql" or is_pooled(connection.connection):
        return None
    found: int = connection.exec_driver_sql(_FREE).scalar_one()
    return found


def is_too_many(error: BaseException) -> bool:
    """Tell whether the server refused a connection because it has too many.

    libpq gives no SQLSTATE for a connection that did not come about, only the server's words.
    """
    if not isinstance(error, DBAPIError):
        return False
    if getattr(error.orig, "sqlstate", None) == _TOO_MANY:
        return True
    return any(words in str(error.orig) for words in _WORDS)
