"""Emails that need a person: looking at them, and sending them again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.delivery.retry import MessageStatus
from service.domain.errors import ConflictError, NotFoundError
from service.store.access.audit import insert_audit
from service.store.database import reading
from service.store.delivery import outbox_admin as store
from service.store.delivery.outbox_admin import MessageInfo
from service.usecases.lists.lists import Lists
from service.usecases.paging import Cursors, Page

_CURSORS = Cursors("outbox", read=UUID)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message with its lists by slug."""

    info: MessageInfo
    lists: tuple[str, ...]


class Outbox:
    """The outbox, for operators."""

    def __init__(
        self,
        engine: Engine,
        *,
        lists: Lists,
        confirm_days: int,
        mail_is_due: Callable[[], None],
    ) -> None:
        """`confirm_days` is the life of a confirm link; `mail_is_due` is called after a commit."""
        self._engine = engine
        self._lists = lists
        self._confirm_life = timedelta(days=confirm_days)
        self._mail_is_due = mail_is_due

    def page(
        self, *, limit: int, cursor: str | None = None, status: MessageStatus | None = None
    ) -> Page[MessageView]:
        """Return a page of messages in one state or in any, newest first.

        Raises `InvalidInputError` (cursor).
        """
        with reading(self._engine) as connection:
            page = _CURSORS.page(
                lambda before, count: store.page(
                    connection, status=status, limit=count, before=before
                ),
                limit=limit,
                cursor=cursor,
                key=lambda info: info.id,
            )
        return Page(items=[self._view(info) for info in page.items], next_cursor=page.next_cursor)

    def retry(self, message_id: UUID, *, actor: str) -> MessageView:
        """Queue a failed message again, with a fresh window of retries, and return it.

        Raises `NotFoundError`, or `ConflictError` for one that has not failed, or whose confirm
        link is too old to be of use.
        """
        now = utc_now()
        with self._engine.begin() as connection:
            count = store.requeue_failed(
                connection,
                now=now,
                confirms_since=now - self._confirm_life,
                message_id=message_id,
            )
            info = store.get(connection, message_id)
            if info is None:
                raise NotFoundError(str(message_id))
            if not count:
                raise ConflictError(
                    "The link in this email has expired. The person has to sign up again."
                    if info.status is MessageStatus.FAILED
                    else "This email has not failed."
                )
            insert_audit(
                connection, at=now, actor=actor, action="outbox.retried", target=str(message_id)
            )
        self._mail_is_due()
        return self._view(info)

    def retry_all(self, *, actor: str) -> int:
        """Queue every failed message again whose link still works; return how many there were."""
        now = utc_now()
        with self._engine.begin() as connection:
            count = store.requeue_failed(
                connection, now=now, confirms_since=now - self._confirm_life
            )
            if count:
                insert_audit(
                    connection,
                    at=now,
                    actor=actor,
                    action="outbox.retried",
                    detail={"messages": count},
                )
        self._mail_is_due()
        return count

    def drop(self, *, created_before: datetime, actor: str) -> int:
        """Withhold queued emails from before this time, and return how many that were.

        A database that comes back from a backup does not know what was sent after the backup.
        """
        now = utc_now()
        with self._engine.begin() as connection:
            count = store.drop_queued(connection, created_before=created_before, now=now)
            if count:
                insert_audit(
                    connection,
                    at=now,
                    actor=actor,
                    action="outbox.dropped",
                    detail={"messages": count, "created_before": created_before.isoformat()},
                )
        return count

    def _view(self, info: MessageInfo) -> MessageView:
        lists = self._lists.by_ids(info.scope.list_ids)
        return MessageView(info=info, lists=tuple(each.slug for each in lists))
