"""Why the database refused a connection, in words for the log and the command line."""

from service.store.operations.capacity import TOO_MANY, is_too_many


def too_many_connections(error: BaseException) -> str | None:
    """Return what to do if the server refused a connection because it has too many, else None."""
    return TOO_MANY if is_too_many(error) else None
