"""Consent texts: which words a form or page shows, and which ones a version names."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.consent import CONSENT_TEXT_VERSION
from service.domain.lists.consent_text import (
    ConsentText,
    CurrentText,
    built_in_text,
    check_consent_text,
    choose_current,
)
from service.domain.lists.mailing_list import ListInfo
from service.store.access.audit import insert_audit
from service.store.database import reading
from service.store.lists import consent_texts as store
from service.usecases.lists.lists import CACHE_SECONDS, Lists


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """A version with its words, and how many agreed to it.

    `version` is None for people of whom it is not known; `text` where the words are not here.
    """

    version: str | None
    locale: str | None = None
    text: str | None = None
    created_at: datetime | None = None
    is_shown: bool = False
    """Whether forms in its language show it now."""
    agreed: int = 0
    """How many subscriptions were confirmed under it, as they stand now."""
    stayed: int = 0
    """How many of these have not ended."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """All lists' texts as they were read at one moment."""

    by_list: Mapping[UUID, Sequence[ConsentText]]
    expires: float


class ConsentTexts:
    """Reads and adds texts. One for a process; safe to use from several threads."""

    def __init__(self, engine: Engine, *, lists: Lists) -> None:
        """Take what the use case works with; nothing is read yet."""
        self._engine = engine
        self._lists = lists
        self._snapshot: _Snapshot | None = None

    def of_list(self, slug: str) -> Sequence[ConsentText]:
        """Return the list's own texts, oldest first. Raises `UnknownListError`."""
        return self._read().get(self._lists.get(slug).id, ())

    def versions_of(self, slug: str) -> Sequence[VersionView]:
        """Return all that people on the list agreed to or are asked to, newest first.

        What only an imported file names stands last. Raises `UnknownListError`.
        """
        info = self._lists.get(slug)
        texts = self._read().get(info.id, ())
        with reading(self._engine) as connection:
            agreed = store.agreed(connection, info.id)
        found = [
            VersionView(
                version=text.version,
                locale=text.locale,
                text=text.text,
                created_at=text.created_at,
                is_shown=self.current(info, text.locale).version == text.version,
            )
            for text in reversed(texts)
        ]
        found.append(
            VersionView(
                version=CONSENT_TEXT_VERSION,
                text=built_in_text(info),
                is_shown=self.current(info, info.locale).version == CONSENT_TEXT_VERSION,
            )
        )
        known = {each.version for each in found}
        found += [
            VersionView(version=version)
            for version in sorted(agreed.keys() - known, key=lambda each: each or "")
        ]
        return [
            replace(each, agreed=all_, stayed=still)
            for each in found
            for all_, still in [agreed.get(each.version, (0, 0))]
        ]

    def add(self, slug: str, *, locale: str | None, text: str, actor: str) -> ConsentText:
        """Make this the list's text in one language (the list's own where none is named).

        What was shown before keeps its version. Raises `UnknownListError`, `InvalidInputError`.
        """
        info = self._lists.get(slug)
        kept = check_consent_text(text)
        now = utc_now()
        with self._engine.begin() as connection:
            version = store.insert_text(
                connection,
                mailing_list_id=info.id,
                locale=locale or info.locale,
                text=kept,
                at=now,
            )
            insert_audit(
                connection,
                at=now,
                actor=actor,
                action="consent_text.added",
                target=slug,
                detail={"version": version, "locale": locale or info.locale},
            )
        self._snapshot = None
        return ConsentText(
            mailing_list_id=info.id,
            locale=locale or info.locale,
            version=version,
            text=kept,
            created_at=now,
        )

    def current(self, info: ListInfo, locale: str | None) -> CurrentText:
        """Return what to show to a reader of this locale."""
        return choose_current(self._read().get(info.id, ()), locale=locale, list_locale=info.locale)

    def versions(
        self, lists: Iterable[ListInfo], *, locale: str | None, shown: Mapping[UUID, str]
    ) -> dict[UUID, str]:
        """Return for each list the version that `shown` names, else the current one.

        A version that the list never had counts as not named: a form is anybody's to fill.
        """
        known = self.known(shown)
        return {info.id: known.get(info.id) or self.current(info, locale).version for info in lists}

    def known(self, shown: Mapping[UUID, str]) -> dict[UUID, str]:
        """Return what of `shown` names a version that its list has."""
        return {
            list_id: version
            for list_id, version in shown.items()
            if version == CONSENT_TEXT_VERSION or self._find(list_id, version) is not None
        }

    def words(self, list_id: UUID, version: str) -> str | None:
        """Return the exact words of a version, or None where the list has none such."""
        if version == CONSENT_TEXT_VERSION:
            return next((built_in_text(info) for info in self._lists.by_ids([list_id])), None)
        found = self._find(list_id, version)
        if found is None:
            self._snapshot = None  # another process may have added it a moment ago
            found = self._find(list_id, version)
        return found.text if found is not None else None

    def _find(self, list_id: UUID, version: str) -> ConsentText | None:
        texts = self._read().get(list_id, ())
        return next((each for each in texts if each.version == version), None)

    def _read(self) -> Mapping[UUID, Sequence[ConsentText]]:
        snapshot = self._snapshot
        if snapshot is None or time.monotonic() >= snapshot.expires:
            expires = time.monotonic() + CACHE_SECONDS
            by_list: dict[UUID, list[ConsentText]] = defaultdict(list)
            with reading(self._engine) as connection:
                for text in store.all_texts(connection):
                    by_list[text.mailing_list_id].append(text)
            snapshot = _Snapshot(by_list=dict(by_list), expires=expires)
            self._snapshot = snapshot
        return snapshot.by_list
