"""Who gets which events: creating, changing and showing webhooks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.errors import InvalidInputError, NotFoundError
from service.domain.webhooks.event import EventType
from service.domain.webhooks.target import check_url
from service.domain.webhooks.webhook import AttemptInfo, WebhookInfo
from service.store.access.audit import insert_audit
from service.store.database import reading
from service.store.webhooks import receivers as store
from service.usecases.lists.lists import Lists
from service.usecases.paging import Cursors, Page
from service.webhooks.call import new_secret

_CURSORS = Cursors("attempts", read=UUID)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookView:
    """A webhook with its list by slug; `secret` only in the answer that made it."""

    info: WebhookInfo
    list_slug: str | None
    secret: str | None = None


class Webhooks:
    """Administers webhooks. What is made or changed here counts within a second everywhere."""

    def __init__(self, engine: Engine, *, lists: Lists, allow_private: bool) -> None:
        """`allow_private` lets targets be in our own network, and on plain http."""
        self._engine = engine
        self._lists = lists
        self._allow_private = allow_private

    def create(
        self, *, url: str, events: Sequence[str], list_slug: str | None, actor: str
    ) -> WebhookView:
        """Make a webhook for these events (all where none is named), on one list or on any.

        Its secret is in the answer and cannot be shown again. Raises `InvalidInputError`,
        `UnknownListError`.
        """
        checked = check_url(url, allow_private=self._allow_private)
        types = _types(events) or list(EventType)
        list_id = self._lists.get(list_slug).id if list_slug else None
        secret = new_secret()
        now = utc_now()
        with self._engine.begin() as connection:
            webhook_id = store.insert_webhook(
                connection,
                url=checked,
                secret=secret,
                events=types,
                mailing_list_id=list_id,
                at=now,
            )
            insert_audit(
                connection,
                at=now,
                actor=actor,
                action="webhook.created",
                target=str(webhook_id),
                detail=_noted(checked, list_slug, types),
            )
        store.forget_cached_types(self._engine)
        view = self.get(webhook_id)
        return WebhookView(info=view.info, list_slug=view.list_slug, secret=secret)

    def get(self, webhook_id: UUID) -> WebhookView:
        """Return a webhook, or raise `NotFoundError`."""
        with reading(self._engine) as connection:
            info = store.get(connection, webhook_id)
        if info is None:
            raise NotFoundError(str(webhook_id))
        return self._view(info)

    def all(self) -> list[WebhookView]:
        """Return every webhook, oldest first."""
        with reading(self._engine) as connection:
            found = store.all_webhooks(connection)
        return [self._view(info) for info in found]

    def update(self, webhook_id: UUID, changes: Mapping[str, Any], *, actor: str) -> WebhookView:
        """Change `url`, `events`, `list` (a slug or None) or `is_enabled`, and return the webhook.

        Raises `NotFoundError`, `InvalidInputError`, `UnknownListError`.
        """
        before = self.get(webhook_id)
        columns: dict[str, Any] = {}
        if "url" in changes:
            columns["url"] = check_url(changes["url"], allow_private=self._allow_private)
        if "events" in changes:
            columns["events"] = [each.value for each in _types(changes["events"])]
        if "list" in changes:
            slug = changes["list"]
            columns["mailing_list_id"] = self._lists.get(slug).id if slug else None
        if "is_enabled" in changes:
            columns["is_enabled"] = changes["is_enabled"]
        with self._engine.begin() as connection:
            if store.get(connection, webhook_id) is None:
                raise NotFoundError(str(webhook_id))
            if columns:
                store.update_webhook(connection, webhook_id, columns)
                insert_audit(
                    connection,
                    at=utc_now(),
                    actor=actor,
                    action="webhook.changed",
                    target=str(webhook_id),
                    detail={
                        "fields": sorted(changes),
                        **_noted(
                            columns.get("url", before.info.url),
                            changes.get("list", before.list_slug),
                            columns.get("events", before.info.events),
                        ),
                    },
                )
        store.forget_cached_types(self._engine)
        return self.get(webhook_id)

    def delete(self, webhook_id: UUID, *, actor: str) -> None:
        """Remove a webhook and its queued deliveries. Raises `NotFoundError`."""
        before = self.get(webhook_id)
        with self._engine.begin() as connection:
            if not store.delete_webhook(connection, webhook_id):
                raise NotFoundError(str(webhook_id))
            insert_audit(
                connection,
                at=utc_now(),
                actor=actor,
                action="webhook.deleted",
                target=str(webhook_id),
                detail=_noted(before.info.url, before.list_slug, before.info.events),
            )
        store.forget_cached_types(self._engine)

    def attempts(
        self, webhook_id: UUID, *, limit: int, cursor: str | None = None
    ) -> Page[AttemptInfo]:
        """Return a page of the calls to it, newest first.

        Raises `NotFoundError`, `InvalidInputError` (cursor).
        """
        with reading(self._engine) as connection:
            if store.get(connection, webhook_id) is None:
                raise NotFoundError(str(webhook_id))
            return _CURSORS.page(
                lambda before, count: store.attempts_page(
                    connection, webhook_id, limit=count, before=before
                ),
                limit=limit,
                cursor=cursor,
                key=lambda attempt: attempt.id,
            )

    def _view(self, info: WebhookInfo) -> WebhookView:
        slug = None
        if info.mailing_list_id is not None:
            slug = next((each.slug for each in self._lists.by_ids([info.mailing_list_id])), None)
        return WebhookView(info=info, list_slug=slug)


def _noted(url: str, list_slug: str | None, events: Sequence[str]) -> dict[str, Any]:
    """Return what the audit log keeps: where calls go, without the path, which may be a secret."""
    return {"host": urlsplit(url).hostname, "list": list_slug, "events": [str(e) for e in events]}


def _types(events: Sequence[str]) -> list[EventType]:
    """Return the events, each once, in the order they are declared in."""
    for event in events:
        if event not in set(EventType):
            raise InvalidInputError("events", f"Use some of {', '.join(EventType)}.")
    return [each for each in EventType if each in events]
