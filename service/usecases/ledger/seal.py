"""Sealing the consent ledger, in batches and after the fact: no signup waits for another."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.consent import ConsentKind
from service.domain.ledger.format import (
    Head,
    LedgerEvent,
    checkpoint_document,
    commitments,
    entry_document,
    entry_hash,
    new_salt,
    text_hash,
)
from service.signing import Signer
from service.store.database import reading
from service.store.ledger import sealing as store
from service.store.ledger.sealing import Sealed
from service.store.turns import one_turn
from service.usecases.lists.consent_texts import ConsentTexts

BATCH = 200
"""Events in one transaction: SQLite has one writer at a time, and signups wait meanwhile."""

MAX_BATCHES = 50
"""Batches in one run; what is left waits for the next, so that a worker gets back to its mail."""

_log = structlog.get_logger(__name__)


class SealLedger:
    """Gives consent events their place in the chain. Any number of workers may try at once."""

    def __init__(
        self, engine: Engine, *, signer: Signer, texts: ConsentTexts, batch: int = BATCH
    ) -> None:
        """`signer` signs the checkpoint that each run leaves in the log."""
        self._engine = engine
        self._signer = signer
        self._texts = texts
        self._batch = batch

    def run_once(self) -> int:
        """Seal what is committed and return how many entries that were.

        0 also while another worker seals, and where the newest entry is not what the head says:
        nothing is built on a chain whose end was cut off or changed.
        """
        with reading(self._engine) as connection:
            if not store.has_unsealed(connection):
                return 0
        count = 0
        for _ in range(MAX_BATCHES):
            sealed = self._seal_batch()
            count += sealed
            if sealed < self._batch:
                break
        if count:
            self._log_checkpoint(count)
        return count

    def _seal_batch(self) -> int:
        now = utc_now()
        with one_turn(self._engine) as connection:
            head = store.lock_head(connection)
            if head is None:
                return 0
            if head.position and store.hash_at(connection, head.position) != head.entry_hash:
                _log.error("ledger broken", position=head.position)
                return 0
            events = store.lock_unsealed(connection, limit=self._batch)
            if not events:
                return 0
            sealed, texts = self._chain(head, events, at=now)
            store.keep_texts(connection, texts.items())
            store.append(connection, sealed)
        return len(sealed)

    def _chain(
        self, head: Head, events: Sequence[LedgerEvent], *, at: datetime
    ) -> tuple[list[Sealed], dict[str, str]]:
        """Return the entries that follow the head, and the words that they name by hash."""
        sealed: list[Sealed] = []
        texts: dict[str, str] = {}
        for event in events:
            text_sha256 = None
            if (words := self._words(event)) is not None:
                text_sha256 = text_hash(words)
                texts[text_sha256] = words
            salt = new_salt()
            committed = commitments(salt, event.personal)
            document = entry_document(
                replace(event, text_sha256=text_sha256),
                position=head.position + 1,
                previous_hash=head.entry_hash,
                sealed_at=at,
                committed=committed,
            )
            previous, head = head, Head(position=head.position + 1, entry_hash=entry_hash(document))
            sealed.append(
                Sealed(
                    position=head.position,
                    event_id=event.id,
                    previous_hash=previous.entry_hash,
                    entry_hash=head.entry_hash,
                    sealed_at=at,
                    text_sha256=text_sha256,
                    commitments=committed,
                    salt=salt,
                )
            )
        return sealed, texts

    def _words(self, event: LedgerEvent) -> str | None:
        """Return the text that the event is about; an imported one was shown by someone else."""
        if event.text_version is None or event.kind == ConsentKind.IMPORTED:
            return None
        return self._texts.words(event.mailing_list_id, event.text_version)

    def _log_checkpoint(self, count: int) -> None:
        """Leave a signed checkpoint outside the database: it shows if the tail goes missing."""
        with reading(self._engine) as connection:
            head = store.read_head(connection)
        checkpoint = self._signer.sign(checkpoint_document(head, at=utc_now()))
        _log.info("ledger sealed", entries=count, checkpoint=checkpoint)
