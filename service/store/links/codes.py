"""The codes of confirmation emails: which are still valid, and how many wrong ones were typed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Connection,
    func,
    literal,
    select,
    union_all,
    update,
)

from service.domain.delivery.retry import MessageStatus
from service.domain.subscription import LinkScope, MessageKind
from service.store.delivery.outbox import scope_of
from service.store.old_rows import OldRows
from service.store.sql import run, sql
from service.store.tables.delivery import OutboxMessage
from service.store.tables.links import CodeTries
from service.store.tables.people import Subscriber
from service.store.tables.signup import HeldSignup
from service.store.types import PublicId

# A row that is there is not changed, but locked.
_BEGIN = sql("""
INSERT INTO code_tries (message_id, tries, at) VALUES (:message_id, 0, :at)
ON CONFLICT (message_id) DO UPDATE SET tries = code_tries.tries
""")

CODE_TRIES = OldRows(CodeTries, CodeTries.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCode:
    """A confirmation email whose code is still valid."""

    scope: LinkScope
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCandidates:
    """The emails to one address whose codes are valid, and the wrong codes typed so far."""

    messages: tuple[SentCode, ...]
    tries: int


def lock_code_candidates(
    connection: Connection, *, message_id: UUID, since: datetime, at: datetime
) -> CodeCandidates:
    """Return the codes that are valid on the status page of `message_id`.

    Its signup may have been taken, held, or be gone; the page shows no difference.

    Only emails queued after `since` count, and on a page made before that every code is wrong.
    Wrong codes typed after `since` count against the address, over all its pages, however old.
    Until the transaction ends these are locked, so that no two wrong codes are counted as one: the
    page, and the address by its subscriber, or else by the first of its held signups.
    """
    run(connection, _BEGIN, message_id=message_id, at=at)
    email_key, made_at = _page(connection, message_id)
    subscriber_id = connection.scalar(
        select(Subscriber.id).where(Subscriber.email_key == email_key).with_for_update()
    )
    if subscriber_id is None:
        connection.execute(
            select(HeldSignup.id)
            .where(HeldSignup.email_key == email_key)
            .order_by(HeldSignup.id)
            .limit(1)
            .with_for_update()
        )
    pages = union_all(
        select(literal(message_id, PublicId())),
        select(OutboxMessage.id).where(OutboxMessage.subscriber_id == subscriber_id),
        select(HeldSignup.id).where(HeldSignup.email_key == email_key),
    )
    tries = connection.scalar(
        select(func.coalesce(func.sum(CodeTries.tries), 0)).where(
            CodeTries.message_id.in_(pages), CodeTries.at > since
        )
    )
    rows = connection.execute(
        select(OutboxMessage.subscriber_id, OutboxMessage.refs, OutboxMessage.created_at)
        .where(
            OutboxMessage.subscriber_id == subscriber_id,
            OutboxMessage.created_at > since,
            OutboxMessage.kind == MessageKind.CONFIRM.value,
            OutboxMessage.status != MessageStatus.WITHHELD.value,
        )
        .order_by(OutboxMessage.created_at.desc())
    )
    return CodeCandidates(
        messages=tuple(
            SentCode(scope=scope_of(row.subscriber_id, row.refs), created_at=row.created_at)
            for row in rows
            if made_at is not None and made_at > since
        ),
        tries=int(tries or 0),
    )


def count_code_try(connection: Connection, *, message_id: UUID, at: datetime) -> None:
    """Count a wrong code typed `at` on the status page of `message_id`, which is locked."""
    connection.execute(
        update(CodeTries)
        .where(CodeTries.message_id == message_id)
        .values(tries=CodeTries.tries + 1, at=at)
    )


def _page(connection: Connection, message_id: UUID) -> tuple[str, datetime | None]:
    """Return the address that the page is about, and when the page was made.

    If the signup is gone, these are an empty text and None.
    """
    taken = (
        select(Subscriber.email_key, OutboxMessage.created_at)
        .join(OutboxMessage, OutboxMessage.subscriber_id == Subscriber.id)
        .where(OutboxMessage.id == message_id)
    )
    held = select(HeldSignup.email_key, HeldSignup.created_at).where(HeldSignup.id == message_id)
    row = connection.execute(union_all(taken, held)).first()
    return (row.email_key, row.created_at) if row is not None else ("", None)
