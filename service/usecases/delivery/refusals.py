"""What a provider refused: senders that are paused for it, and the error that is shown."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection

from service.domain.delivery.retry import SendOutcome
from service.store.delivery import sender_pauses
from service.usecases.delivery.settlement import CallResult

_log = structlog.get_logger(__name__)


def note_senders(
    connection: Connection, result: CallResult, *, now: datetime
) -> dict[str, datetime]:
    """Pause the senders that the provider refused and return until when; forget that a sender was
    refused that it takes again.
    """
    provider = result.guarded.name
    if taken := result.tried & result.accepted_senders:
        sender_pauses.accept(connection, provider, taken)
    paused: dict[str, datetime] = {}
    for sender, error in sorted(result.refused_senders.items()):
        paused[sender] = sender_pauses.refuse(
            connection,
            provider,
            sender,
            error=error,
            began_at=result.began_at or now,
            now=now,
        )
        _log.warning(
            "sender refused",
            provider=provider,
            error=error,
            domain=sender.rpartition("@")[2],
            paused_until=paused[sender].isoformat(),
        )
    return paused


def error_of(results: Sequence[CallResult]) -> str | None:
    """Return the most frequent error that lies with the provider or with our settings, if any."""
    errors = Counter(
        send_result.error
        for result in results
        for send_result in result.send_results.values()
        if send_result.outcome not in (SendOutcome.ACCEPTED, SendOutcome.REJECTED)
    )
    return next((error for error, _ in errors.most_common(1)), None)


def rejections_of(result: CallResult) -> list[str]:
    """Return the provider's codes for why it rejected messages for good, each once."""
    return sorted(
        {
            send_result.error or "unknown"
            for send_result in result.send_results.values()
            if send_result.outcome is SendOutcome.REJECTED
        }
    )
