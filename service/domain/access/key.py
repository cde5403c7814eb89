"""Keys of the administrators' API."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.domain.access.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """A key as it may be shown: everything but what proves it."""

    id: UUID
    name: str
    role: Role
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    list_ids: frozenset[UUID] | None
    """The lists that it is for; None means all."""
    expires_at: datetime | None

    def has_ended(self, at: datetime) -> bool:
        """Tell whether it is revoked or expired."""
        return self.revoked_at is not None or (
            self.expires_at is not None and self.expires_at <= at
        )
