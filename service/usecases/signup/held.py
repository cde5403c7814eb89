"""Signups held for review: looking at them, and letting them through or not."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.errors import ConflictError, NotFoundError
from service.store.access.audit import insert_audit
from service.store.database import reading
from service.store.signup import held as store
from service.store.signup.held import HELD_SIGNUPS, Held
from service.store.signup.signups import record_signups
from service.usecases.lists.lists import Lists
from service.usecases.paging import Cursors, Page
from service.usecases.removal import remove_old

KEEP = timedelta(days=30)
"""How long a held signup waits; then it is forgotten."""
_CURSORS = Cursors("held", read=UUID)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldView:
    """A held signup with its lists by slug."""

    held: Held
    lists: tuple[str, ...]


class HeldSignups:
    """The signups that wait for a person."""

    def __init__(self, engine: Engine, *, lists: Lists, mail_is_due: Callable[[], None]) -> None:
        """`mail_is_due` is called after a commit that queued emails."""
        self._engine = engine
        self._lists = lists
        self._mail_is_due = mail_is_due

    def page(self, *, limit: int, cursor: str | None = None) -> Page[HeldView]:
        """Return a page, newest first. Raises `InvalidInputError` (cursor)."""
        with reading(self._engine) as connection:
            page = _CURSORS.page(
                lambda before, count: store.held_page(connection, limit=count, before=before),
                limit=limit,
                cursor=cursor,
                key=lambda held: held.signup.message_id,
            )
        return Page(items=[self._view(each) for each in page.items], next_cursor=page.next_cursor)

    def release(self, held_id: UUID, *, actor: str) -> None:
        """Take the signup as if it were made now: its confirmation email is queued, within the
        address's budget of emails. Its status page stays the same.

        Raises `NotFoundError`, or `ConflictError` where its lists were deleted.
        """
        now = utc_now()
        with self._engine.begin() as connection:
            held = store.take_held(connection, held_id)
            if held is None:
                raise NotFoundError(str(held_id))
            lists = self._lists.by_ids(held.signup.list_ids)
            if not lists:
                raise ConflictError("Its list was deleted. Discard the signup.")
            signup = replace(held.signup, at=now, list_ids=tuple(info.id for info in lists))
            record_signups(connection, [signup])
            insert_audit(
                connection,
                at=now,
                actor=actor,
                action="held.released",
                target=str(held_id),
                detail={"requested_at": held.signup.at.isoformat(), "score": held.risk.score},
            )
        self._mail_is_due()

    def drop(self, held_id: UUID, *, actor: str) -> None:
        """Forget the signup. Raises `NotFoundError`."""
        now = utc_now()
        with self._engine.begin() as connection:
            held = store.take_held(connection, held_id)
            if held is None:
                raise NotFoundError(str(held_id))
            insert_audit(
                connection,
                at=now,
                actor=actor,
                action="held.dropped",
                target=str(held_id),
                detail={"score": held.risk.score},
            )

    def purge(self) -> int:
        """Forget those that waited longer than they may; return how many."""
        return remove_old(self._engine, HELD_SIGNUPS, before=utc_now() - KEEP)

    def _view(self, held: Held) -> HeldView:
        found = self._lists.by_ids(held.signup.list_ids)
        return HeldView(held=held, lists=tuple(info.slug for info in found))
