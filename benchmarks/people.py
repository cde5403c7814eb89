"""Made-up subscribers, loaded by COPY, and the links that they would get."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

import psycopg

from benchmarks.postgres import Postgres
from benchmarks.servers import SECRET_KEY
from service.domain.subscription import LinkScope, SubscriptionRef
from service.store.types import new_id
from service.tokens import Tokens

TOKENS = Tokens.from_keys((SECRET_KEY,))
_LINES_A_WRITE = 5_000


def default_list(database: Postgres) -> UUID:
    """Return the id of the list that `newsflash db upgrade` made."""
    with database.connect() as connection:
        row = connection.execute("SELECT id FROM mailing_lists WHERE is_default").fetchone()
    assert row is not None
    assert isinstance(row[0], UUID)
    return row[0]


def load_subscribers(
    database: Postgres, list_id: UUID, count: int, *, status: str, name: str
) -> list[UUID]:
    """Load people who are all `status` on the list; return their ids. `name` starts the address."""
    now = datetime.now(UTC)
    asked, confirmed = f"{now - timedelta(days=2)}", f"{now - timedelta(days=1)}"
    ids = [new_id() for _ in range(count)]
    with database.connect() as connection:
        copy_in(
            connection,
            "subscribers (id, email, email_key, name, locale, created_at, updated_at)",
            (
                f"{id_}\t{name}{number}@example.org\t{name}{number}@example.org\tPerson {number}"
                f"\ten\t{asked}\t{asked}\n"
                for number, id_ in enumerate(ids)
            ),
        )
        since = confirmed if status == "confirmed" else "\\N"
        copy_in(
            connection,
            "subscriptions (subscriber_id, mailing_list_id, status, epoch, source,"
            " consent_text_version, requested_at, confirmed_at, updated_at)",
            (
                f"{id_}\t{list_id}\t{status}\t1\thttps://example.org/signup\t1\t{asked}\t{since}"
                f"\t{asked}\n"
                for id_ in ids
            ),
        )
    return ids


def copy_in(
    connection: "psycopg.Connection[tuple[object, ...]]", into: str, lines: Iterator[str]
) -> None:
    """Load lines in COPY's text format into a table and its columns."""
    with connection.cursor() as cursor, connection.transaction():
        statement = f"COPY {into} FROM STDIN"
        with cursor.copy(statement.encode()) as copy:
            while part := list(islice(lines, _LINES_A_WRITE)):
                copy.write("".join(part))


def settle_statistics(database: Postgres) -> None:
    """Leave the database as a while of ordinary running does: cleaned up, statistics known."""
    with database.connect() as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def confirm_paths(ids: Sequence[UUID], list_id: UUID) -> list[str]:
    """Return the confirm link of each."""
    now = datetime.now(UTC)
    return [f"/confirm/{TOKENS.confirm.issue(_cycles(id_, list_id), at=now)}" for id_ in ids]


def unsubscribe_paths(ids: Sequence[UUID], list_id: UUID) -> list[str]:
    """Return the one-click link of each."""
    now = datetime.now(UTC)
    return [
        f"/unsubscribe/{TOKENS.unsubscribe.issue(_cycles(id_, list_id), at=now)}" for id_ in ids
    ]


def _cycles(id_: UUID, list_id: UUID) -> LinkScope:
    return LinkScope(id_, (SubscriptionRef(list_id, 1),))
