"""How PostgreSQL is kept to the indexes, where a table may have grown without its statistics."""

from sqlalchemy import ColumnElement, Connection, literal, select

BY_INDEX = tuple(f"enable_{way} = off" for way in ("seqscan", "hashjoin", "mergejoin"))


def read_by_index(connection: Connection) -> None:
    """Have the rest of this transaction look rows up one by one, as SQLite does anyway.

    The planner's free choice depends on statistics. Those of a young database are of empty tables,
    and it would read big tables whole for the few rows that are asked for. Nor does it compile a
    query (JIT), which takes longer than many look-ups do: to find 500 people for retention among a
    million took 125 ms, and takes 3.4.
    """
    if connection.dialect.name == "postgresql":
        for setting in (*BY_INDEX, "jit = off"):
            connection.exec_driver_sql(f"SET LOCAL {setting}")


def there_is_none(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that no row fits these, looked up for each row of the query around it.

    PostgreSQL makes a join of NOT EXISTS, for which it may read the other table whole; of a query
    with a LIMIT it makes none.
    """
    return select(literal(1)).where(*conditions).limit(1).scalar_subquery().is_(None)
