"""Rows that are kept for a time only: found along the index of their time, removed by their key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, inspect, select, tuple_

from service.store.intake_models import CodeTries, HeldSignup, IdempotencyRecord
from service.store.models import RecordedEvent
from service.store.webhook_models import WebhookAttempt, WebhookDelivery


@dataclass(frozen=True, slots=True)
class OldRows:
    """A table whose rows go some time after `at`, its column with an index that begins with it."""

    table: Any
    at: Any
    condition: Any = None
    """Which rows, where not all; that index has no others."""

    def find(
        self, connection: Connection, before: datetime, *, limit: int
    ) -> Sequence[Row[tuple[Any, ...]]]:
        """Return the keys of rows from before that time, oldest first."""
        query = select(*self._key).where(self._is_old(before))
        return connection.execute(query.order_by(self.at).limit(limit)).all()

    def delete(
        self, connection: Connection, before: datetime, keys: Sequence[Row[tuple[Any, ...]]]
    ) -> int:
        """Remove those of the rows that are still old; return how many."""
        columns = self._key
        wanted = (
            columns[0].in_([key[0] for key in keys])
            if len(columns) == 1
            else tuple_(*columns).in_([tuple(key) for key in keys])
        )
        return connection.execute(delete(self.table).where(wanted, self._is_old(before))).rowcount

    def _is_old(self, before: datetime) -> Any:
        is_before = self.at < before
        return is_before if self.condition is None else self.condition & is_before

    @property
    def _key(self) -> Sequence[Any]:
        key: Sequence[Any] = inspect(self.table).primary_key
        return key


IDEMPOTENCY_KEYS = OldRows(IdempotencyRecord, IdempotencyRecord.created_at)
HELD_SIGNUPS = OldRows(HeldSignup, HeldSignup.created_at)
CODE_TRIES = OldRows(CodeTries, CodeTries.at)
EVENTS = OldRows(RecordedEvent, RecordedEvent.received_at)
WAITING_EVENTS = OldRows(
    RecordedEvent, RecordedEvent.received_at, RecordedEvent.message_id.is_(None)
)
WEBHOOK_ATTEMPTS = OldRows(WebhookAttempt, WebhookAttempt.at)
WEBHOOK_DELIVERIES = OldRows(WebhookDelivery, WebhookDelivery.created_at)
