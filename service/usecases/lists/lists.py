"""Mailing lists: read on every signup, confirmation and mail, changed rarely."""

import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from service.clock import utc_now
from service.domain.delivery.sender import parse_sender
from service.domain.errors import ConflictError, InvalidInputError, UnknownListError
from service.domain.languages import check_locale
from service.domain.lists.mailing_list import ListInfo, check_slug, is_slug
from service.domain.lists.site import site_origin
from service.store.access.audit import insert_audit
from service.store.database import reading
from service.store.lists import lists as store

MISSES_A_SECOND = 20
"""Look-ups in the database for lists that this process does not know; beyond, they are unknown."""
CACHE_SECONDS = 2.0
"""How long another process may still see a list as it was before a change."""

_URL_CHARS = re.compile(r"[A-Za-z0-9._~:/?#@\[\]!$&'()*+,;=%-]+")  # RFC 3986, appendix A
_HOST_CHARS = re.compile(r"[A-Za-z0-9._:\[\]-]+")
"""A host goes into a Content-Security-Policy, where `;` and `,` would begin another rule."""

CHANGEABLE = frozenset(
    {
        "name",
        "description",
        "controller",
        "privacy_url",
        "sender",
        "origins",
        "redirect_url",
        "locale",
        "is_default",
    }
)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """All lists as they were read at one moment."""

    by_slug: Mapping[str, ListInfo]
    by_id: Mapping[UUID, ListInfo]
    expires: float


class _Misses:
    """Bounds how often a name that no list has is looked up: strangers can make up any number."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._second, self._count = 0, 0

    def may_look(self) -> bool:
        """Count a look-up, and tell whether it is within the bound."""
        with self._lock:
            second = int(time.monotonic())
            if second != self._second:
                self._second, self._count = second, 0
            self._count += 1
            return self._count <= MISSES_A_SECOND


class Lists:
    """Reads and changes mailing lists. One for a process; safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine; nothing is read yet."""
        self._engine = engine
        self._snapshot: _Snapshot | None = None
        self._changes = 0
        self._misses = _Misses()

    def get(self, slug: str) -> ListInfo:
        """Return the list, or raise `UnknownListError`."""
        info = self._read().by_slug.get(slug)
        if info is None and is_slug(slug) and self._misses.may_look():
            # Another process may have made the list a moment ago.
            with reading(self._engine) as connection:
                info = store.get_by_slug(connection, slug)
            if info is not None:
                self._forget()
        if info is None:
            raise UnknownListError(slug)
        return info

    def default(self) -> ListInfo:
        """Return the list that a signup means which names none, or raise `UnknownListError`."""
        for info in self._read().by_slug.values():
            if info.is_default:
                return info
        raise UnknownListError("")

    def all(self) -> Sequence[ListInfo]:
        """Return every list, in the order of their slugs."""
        return tuple(self._read().by_slug.values())

    def slugs(self) -> dict[UUID, str]:
        """Return the slug of every list, by its id."""
        return {info.id: info.slug for info in self.all()}

    def by_ids(self, ids: Iterable[UUID]) -> tuple[ListInfo, ...]:
        """Return the lists with these ids, in the order asked for; unknown ids are left out."""
        wanted = tuple(ids)
        by_id = self._read().by_id
        if any(list_id not in by_id for list_id in wanted):
            self._forget()  # another process may have made the list a moment ago
            by_id = self._read().by_id
        return tuple(by_id[list_id] for list_id in wanted if list_id in by_id)

    def ensure_first(self) -> bool:
        """Give a new database its first list, `news-flash`, the default; return whether it was."""
        with self._engine.begin() as connection:
            is_new = store.insert_first_list(connection, at=utc_now())
        self._forget()
        return is_new

    def create(self, *, slug: str, name: str, actor: str, **values: Any) -> ListInfo:
        """Add a list. `values` are fields of `ListInfo` by name.

        Raises `InvalidInputError`, or `ConflictError` where the slug is taken.
        """
        check_slug(slug)
        changes = _checked({"name": name, **values})
        now = utc_now()
        try:
            with self._engine.begin() as connection:
                if changes.get("is_default"):
                    store.lock_default(connection)
                    store.clear_default(connection, at=now)
                store.insert_list(connection, slug=slug, at=now, **changes)
                insert_audit(connection, at=now, actor=actor, action="list.created", target=slug)
        except IntegrityError:
            raise ConflictError(
                "A list with this slug exists already. Choose another slug."
            ) from None
        self._forget()
        return self.get(slug)

    def update(self, slug: str, changes: Mapping[str, Any], *, actor: str) -> ListInfo:
        """Change fields of a list by name and return it.

        Raises `UnknownListError`, `InvalidInputError`, or `ConflictError` for a change that would
        leave no default: make another list the default instead.
        """
        checked = _checked(changes)
        now = utc_now()
        with self._engine.begin() as connection:
            if "is_default" in checked:
                store.lock_default(connection)
            info = store.get_by_slug(connection, slug)
            if info is None:
                raise UnknownListError(slug)
            if info.is_default and checked.get("is_default") is False:
                raise ConflictError("Make another list the default instead.")
            if checked.get("is_default"):
                store.clear_default(connection, at=now)
            store.update_list(connection, info.id, at=now, changes=checked)
            insert_audit(
                connection,
                at=now,
                actor=actor,
                action="list.changed",
                target=slug,
                detail={"fields": sorted(checked)},
            )
        self._forget()
        return self.get(slug)

    def _forget(self) -> None:
        """Have the lists read again; what is being read just now is too old already."""
        self._changes += 1
        self._snapshot = None

    def _read(self) -> _Snapshot:
        snapshot = self._snapshot
        if snapshot is None or time.monotonic() >= snapshot.expires:
            expires, changes = time.monotonic() + CACHE_SECONDS, self._changes
            with reading(self._engine) as connection:
                found = store.all_lists(connection)
            snapshot = _Snapshot(
                by_slug=MappingProxyType({info.slug: info for info in found}),
                by_id=MappingProxyType({info.id: info for info in found}),
                expires=expires,
            )
            if changes == self._changes:
                self._snapshot = snapshot
        return snapshot


def _checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes as columns take them, or raise `InvalidInputError`."""
    checked = dict(changes)
    for field in checked.keys() - CHANGEABLE:
        raise InvalidInputError(field, "This field can't be changed.")
    if "name" in checked and not str(checked["name"]).strip():
        raise InvalidInputError("name", "Enter a name.")
    for field, value in checked.items():
        if isinstance(value, str) and any(ord(char) < 32 for char in value):
            raise InvalidInputError(field, "Remove control characters, such as line breaks.")
    if "locale" in checked:
        check_locale(checked["locale"])
    if checked.get("sender"):
        parse_sender(checked["sender"])
    for field in ("privacy_url", "redirect_url"):
        if checked.get(field) and not _is_web_address(checked[field]):
            raise InvalidInputError(field, "Use a web address (https://…).")
    if "origins" in checked:
        checked["origins"] = [_origin(origin) for origin in checked["origins"]]
    return checked


def _is_web_address(text: str) -> bool:
    """Tell whether this is one: its characters are a URL's own, for it goes into headers."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    is_plain = _URL_CHARS.fullmatch(text) and _HOST_CHARS.fullmatch(parts.netloc)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and bool(is_plain)


def _origin(text: str) -> str:
    """Return the site's origin as browsers send it, so that it can go into headers."""
    try:
        return site_origin(text)
    except ValueError:
        raise InvalidInputError("origins", "Write each website as https://host.") from None
