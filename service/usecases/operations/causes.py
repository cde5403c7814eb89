"""Why emails are not sent, as far as the database shows: one plain line per cause."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from service.domain.delivery.breaker import BreakerState
from service.domain.delivery.retry import MessageStatus
from service.store.operations.workers import WorkerInfo
from service.usecases.operations.heartbeat import LOCAL
from service.usecases.operations.metrics import Figures

LATE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One cause: a stable name, what it is about, and what to do."""

    name: str
    subject: str
    text: str
    is_urgent: bool = True
    """Whether emails wait or go wrong because of it now."""


def causes(figures: Figures, *, public_url: str, providers: Sequence[str]) -> Iterator[Cause]:
    """Return what keeps emails from being sent. `public_url` and `providers` are those of this
    process; a worker with different ones is a cause.
    """
    alive = [each for each in figures.workers if each.is_alive(figures.at)]
    if not alive:
        yield _no_worker(figures)
    for worker in alive:
        yield from _differences(worker, public_url, providers)
    if alive and providers and set(providers) <= LOCAL:
        yield Cause(
            name="mailbox",
            subject="MAIL_URL",
            text=f"Emails stay here ({', '.join(providers)}): set NEWSFLASH_MAIL_URL to the mail "
            "API that sends your emails.",
            is_urgent=False,
        )
    for provider in figures.providers:
        if provider.breaker_state is not BreakerState.CLOSED and provider.last_error:
            yield Cause(
                name="provider_paused",
                subject=f"delivery by {provider.provider}",
                text=f"{provider.provider} is paused after {provider.last_error}: "
                f"{_advice(provider.last_error)}",
            )
    for sender in figures.refused_senders:
        yield Cause(
            name="sender_refused",
            subject="sender",
            text=f"{sender.provider} refuses a sender ({sender.error}): see the overview or run "
            "`newsflash doctor`.",
        )
    yield from _slow(figures, alive)
    if failed := figures.depths.get(MessageStatus.FAILED, 0):
        yield Cause(
            name="failed",
            subject="failed emails",
            text=f"{failed} emails failed, the newest with "
            f"{figures.last_failed_error or 'an unknown error'}: see `newsflash outbox list`.",
        )
    if figures.withheld_today:
        yield Cause(
            name="budget",
            subject="withheld emails",
            text=f"{figures.withheld_today} signups of the last 24 hours got no email: the address "
            "had reached its daily limit or had just got the same email (docs/abuse.md).",
            is_urgent=False,
        )


def _no_worker(figures: Figures) -> Cause:
    is_late = figures.oldest_due_seconds > LATE_SECONDS
    known = ""
    if figures.workers:
        last = figures.workers[0]
        known = f" (last seen on {last.host} at {_utc(last.seen_at)})"
    return Cause(
        name="no_worker",
        subject="worker",
        text=f"No worker runs on this database{known}. Start `newsflash worker`, or `newsflash "
        "serve` without --no-worker, with this DATABASE_URL. If it cannot start, see its log.",
        is_urgent=is_late,
    )


def _differences(worker: WorkerInfo, public_url: str, providers: Sequence[str]) -> Iterator[Cause]:
    where = f"The worker on {worker.host} (process {worker.pid})"
    if worker.public_url != public_url:
        yield Cause(
            name="other_public_url",
            subject="PUBLIC_URL of the worker",
            text=f"{where} writes links that start with {worker.public_url}, but PUBLIC_URL here "
            f"is {public_url}: set the same on both and restart.",
        )
    theirs = [name for name, _, _ in worker.providers]
    if theirs != list(providers):
        yield Cause(
            name="other_mail_url",
            subject="MAIL_URL of the worker",
            text=f"{where} sends with {', '.join(theirs)}, but MAIL_URL here is for "
            f"{', '.join(providers)}: set the same on both and restart.",
        )


def _slow(figures: Figures, alive: Sequence[WorkerInfo]) -> Iterator[Cause]:
    """Tell whether emails wait only because of a `rate` in `MAIL_URL`."""
    firsts = [worker.providers[0] for worker in alive if worker.providers]
    paced = [(rate, size) for _, rate, size in firsts if rate is not None]
    if figures.oldest_due_seconds <= LATE_SECONDS or not paced or len(paced) < len(firsts):
        return
    waiting = figures.depths.get(MessageStatus.QUEUED, 0)
    calls = ceil(waiting / min(size for _, size in paced))
    seconds = calls / sum(rate for rate, _ in paced)
    if seconds > LATE_SECONDS:
        yield Cause(
            name="low_rate",
            subject="rate in MAIL_URL",
            text=f"{waiting} emails wait for {calls} calls, which ?rate= in MAIL_URL spreads over "
            f"{round(seconds / 60)} minutes: raise it as far as the mail API allows.",
        )


def _advice(error: str) -> str:
    if error.endswith(("401", "403")) or "auth" in error:
        return "it rejects the credentials in MAIL_URL. Correct them."
    if "timeout" in error or "connection" in error or "unreachable" in error:
        return "it does not answer in time. Check its status page and your firewall."
    return "look this error up in its documentation. Emails are retried automatically."


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
