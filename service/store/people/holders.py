"""Who is on a list, or in a state: found along one index, however few they are.

That index has the subscribers of each list and status in their order. Several lists and statuses
are as many short reads of it, in one statement. One condition over all of them reads everybody
where nobody fits, and what is in the planner's statistics does not tell that.
"""

from collections.abc import Sequence
from itertools import product
from uuid import UUID

from sqlalchemy import Connection, select

from service.domain.subscription import Status
from service.store.bulk import in_pieces
from service.store.sql import joined, run, sql
from service.store.tables.lists import MailingList

_READS_AT_ONCE = 100
"""SQLite takes at most 500 in one statement."""
_FIRST = UUID(int=0)
_READ = """
SELECT subscriber_id FROM (
    SELECT subscriber_id FROM subscriptions
    WHERE mailing_list_id = :list_{place} AND status = :status_{place} AND subscriber_id > :after
    ORDER BY subscriber_id LIMIT :limit
) AS read_{place}
"""


def holders(
    connection: Connection,
    *,
    list_id: UUID | None,
    status: Status | None,
    after: UUID | None,
    limit: int,
) -> Sequence[UUID]:
    """Return the first `limit` subscribers after `after` with such a subscription, by id.

    None as list or status means any.
    """
    lists = [list_id] if list_id is not None else connection.scalars(select(MailingList.id)).all()
    statuses = [status] if status is not None else list(Status)
    found: set[UUID] = set()
    for reads in in_pieces(list(product(lists, statuses)), _READS_AT_ONCE):
        found.update(_read(connection, reads, after=after or _FIRST, limit=limit))
    return sorted(found)[:limit]


def _read(
    connection: Connection, reads: Sequence[tuple[UUID, Status]], *, after: UUID, limit: int
) -> list[UUID]:
    statement = joined("UNION ALL", (sql(_READ, place=place) for place in range(len(reads))))
    values: dict[str, object] = {"after": after, "limit": limit}
    for place, (list_id, status) in enumerate(reads):
        values |= {f"list_{place}": list_id, f"status_{place}": status.value}
    return [UUID(str(row[0])) for row in run(connection, statement, **values)]
