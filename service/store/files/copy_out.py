"""PostgreSQL's COPY … TO STDOUT at the speed of libpq, for files of millions of rows."""

import selectors
from collections.abc import Generator, Mapping
from typing import Any

PARALLEL_SETTINGS = (
    "SET LOCAL max_parallel_workers_per_gather = 1; SET LOCAL parallel_tuple_cost = 0.01; "
    "SET LOCAL parallel_setup_cost = 100"
)
"""Writing out an export's rows costs more than the planner thinks: a second process, where the
server has one to spare, pays off early."""


def copy_out(
    connection: Any, statement: str, given: Mapping[str, Any]
) -> Generator[bytes, None, None]:
    """Run a COPY on a psycopg connection, in its transaction; give each row as it comes.

    psycopg's own loop takes twice as long for each row. Leaving before the end leaves the
    connection in the middle of the copy: it can only be closed then.
    """
    import psycopg  # only here: SQLite needs no driver for PostgreSQL

    libpq = connection.pgconn
    statuses = psycopg.pq.ExecStatus
    if libpq.transaction_status == psycopg.pq.TransactionStatus.IDLE:
        libpq.exec_(b"BEGIN")
    command = psycopg.ClientCursor(connection).mogrify(statement, given)
    result = libpq.exec_(command.encode())
    if result.status != statuses.COPY_OUT:
        raise psycopg.errors.error_from_result(result)
    next_row = libpq.get_copy_data
    with selectors.DefaultSelector() as selector:
        selector.register(libpq.socket, selectors.EVENT_READ)
        while True:
            size, row = next_row(1)
            if size > 0:
                yield bytes(row)
            elif size == 0:
                selector.select()
                libpq.consume_input()
            else:
                break
    while (result := libpq.get_result()) is not None:
        if result.status != statuses.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)
