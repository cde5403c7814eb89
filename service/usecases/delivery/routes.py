"""Which provider may take an email: by the email's address and sender, and by who may be called."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from service.mail.mime import wire_address
from service.mail.provider import reaches
from service.store.delivery.sender_pauses import RefusedSender
from service.usecases.delivery.providers import BUSY_FOR, GuardedProvider, ProviderPool


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The ways from an email to a provider at one moment."""

    pool: ProviderPool
    now: datetime
    pauses: Mapping[tuple[str, str], RefusedSender] = field(default_factory=dict)
    """Senders that are paused now, by the provider's name and the sender's address."""

    def pause(self, guarded: GuardedProvider, sender: str) -> RefusedSender | None:
        """Return the pause of this sender at this provider, if there is one."""
        return self.pauses.get((guarded.name, sender))

    def carriers(self, email: str) -> Iterator[GuardedProvider]:
        """Go through the providers that carry email to this address, in order of preference."""
        address = wire_address(email)
        return (guarded for guarded in self.pool if reaches(guarded.provider, address))

    def next_at(self, email: str, sender: str, *, but: GuardedProvider) -> datetime | None:
        """Return when a provider other than `but` may take the email; None where no other can."""
        return min(
            (self._opens_at(each, sender) for each in self.carriers(email) if each is not but),
            default=None,
        )

    def _opens_at(self, guarded: GuardedProvider, sender: str) -> datetime:
        free_at = self.now
        if not guarded.free_calls(self.now):
            free_at = guarded.opens_at(self.now) or self.now + BUSY_FOR
        pause = self.pause(guarded, sender)
        return free_at if pause is None else max(free_at, pause.paused_until)
