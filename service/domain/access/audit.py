"""The log of what administrators did."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One entry: `actor` did `action` to `target` (an id, a slug or a key's name)."""

    id: UUID
    at: datetime
    actor: str
    action: str
    target: str | None
    detail: dict[str, Any] | None
