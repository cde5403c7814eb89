"""How many web processes to start: as many as there are processors, and connections for."""

from sqlalchemy import Engine

from service.cli.serving.cpus import usable_cpus
from service.store.database import POOL_CONNECTIONS, reading
from service.store.operations.capacity import connections_allowed

WEB_CONNECTIONS = POOL_CONNECTIONS + 4
"""One process's at most: the pool's, and one for each export that is under way."""
WORKER_CONNECTIONS = POOL_CONNECTIONS + 1
"""The pool's, and one on which it hears of new email."""


def web_processes(engine: Engine, *, asked: int | None, has_worker: bool) -> tuple[int, str | None]:
    """Return how many web processes to start, and a line to say where connections are too few.

    `asked` is what the operator wants, and is done. Otherwise there are as many as processors, and
    fewer where the database takes too few connections for all of them at their busiest.
    """
    if engine.dialect.name == "sqlite":
        return asked or 1, None
    wanted = asked or usable_cpus()
    with reading(engine) as connection:
        allowed = connections_allowed(connection)
    if allowed is None:
        return wanted, None
    worker = WORKER_CONNECTIONS if has_worker else 0
    fitting = max(1, (allowed - worker) // WEB_CONNECTIONS)
    if wanted <= fitting and worker + wanted * WEB_CONNECTIONS <= allowed:
        return wanted, None
    count = asked or min(wanted, fitting)
    needed = worker + count * WEB_CONNECTIONS
    if needed <= allowed:
        return count, (
            f"Starting {count} web processes instead of {wanted}: PostgreSQL allows {allowed} "
            "connections. Raise max_connections for more."
        )
    return count, (
        f"PostgreSQL allows {allowed} connections, and these processes open up to {needed}: start "
        f"at most {fitting} with --workers, or raise its max_connections to {needed + 10}."
    )
