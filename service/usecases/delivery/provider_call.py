"""One call to a provider: what cannot go is left out of it, and what it came to is noted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import structlog

from service.clock import utc_now
from service.domain.delivery.retry import SendOutcome
from service.log import error_fields
from service.mail.provider import (
    ADDRESS_UNSUPPORTED,
    NOT_SENDABLE,
    Mail,
    OutcomeUnknownError,
    PreparedCall,
    Provider,
    ProviderError,
    RejectedError,
    SenderRefusedError,
    SendResult,
    reaches,
)
from service.usecases.delivery.providers import GuardedProvider

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The result of each email, and the error of the whole call, if it failed."""

    send_results: Mapping[UUID, SendResult]
    failure: ProviderError | None
    is_shared: bool
    """Whether several emails were in the call, so that one may be why all were refused."""


def call_provider(guarded: GuardedProvider, mails: Sequence[Mail], *, key: str) -> Sent:
    """Call the provider once, with those of the emails that can go, and note how it went.

    What fails before a byte is sent is one email's own fault: that email alone is rejected, and the
    guarded provider does not count it.
    """
    send_results: dict[UUID, SendResult] = {}
    reachable: list[Mail] = []
    for mail in mails:
        if reaches(guarded.provider, mail.recipient):
            reachable.append(mail)
        else:
            send_results[mail.message_id] = rejected(mail.message_id, ADDRESS_UNSUPPORTED)
    prepared = _prepare(guarded.provider, reachable, key=key)
    for message_id, error in prepared.faults.items():
        send_results[message_id] = rejected(message_id, error)
    failure: ProviderError | None = prepared.failure
    if prepared.call is not None:
        found, failure = _make(guarded, prepared.call)
        send_results |= {each.message_id: each for each in found}
    for mail in prepared.mails:
        send_results.setdefault(
            mail.message_id,
            SendResult(
                message_id=mail.message_id,
                outcome=failure.outcome if failure else SendOutcome.UNKNOWN,
                error=failure.code if failure else "no_result",
                refuses_sender=isinstance(failure, SenderRefusedError),
            ),
        )
    return Sent(send_results=send_results, failure=failure, is_shared=len(prepared.mails) > 1)


def rejected(message_id: UUID, error: str) -> SendResult:
    """Return the result of an email that cannot be sent."""
    return SendResult(message_id=message_id, outcome=SendOutcome.REJECTED, error=error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A call and the emails in it; what is wrong with each of the others, by message id."""

    call: PreparedCall | None = None
    mails: Sequence[Mail] = ()
    faults: Mapping[UUID, str] = field(default_factory=dict)
    failure: RejectedError | None = None
    """Set in place of a call where the emails can be sent, but not together."""


def _prepare(provider: Provider, mails: Sequence[Mail], *, key: str) -> _Prepared:
    if not mails:
        return _Prepared()
    fault = _try(provider, mails, key=key)
    if not isinstance(fault, str):
        return _Prepared(call=fault, mails=mails)
    if len(mails) == 1:
        return _Prepared(faults={mails[0].message_id: fault})
    faults = {
        mail.message_id: own
        for mail in mails
        if isinstance(own := _try(provider, [mail], key=key), str)
    }
    if not faults:
        return _Prepared(mails=mails, failure=RejectedError(fault))
    others = _prepare(provider, [m for m in mails if m.message_id not in faults], key=key)
    return replace(others, faults={**faults, **others.faults})


def _try(provider: Provider, mails: Sequence[Mail], *, key: str) -> PreparedCall | str:
    """Return the call prepared for these emails, or a code for why there is none."""
    try:
        return provider.prepare(mails, key=key)
    except RejectedError as error:
        return error.code
    except Exception as error:  # noqa: BLE001 - an adapter may fail in any way
        ids = [str(mail.message_id) for mail in mails]
        _log.error("not sendable", messages=ids[:1], of=len(ids), **error_fields(error))
        return NOT_SENDABLE


def _make(
    guarded: GuardedProvider, call: Callable[[], Sequence[SendResult]]
) -> tuple[Sequence[SendResult], ProviderError | None]:
    """Make the call; return its results, or what it failed with.

    A provider that refuses our account fails, though it says so for single messages.
    """
    send_results: Sequence[SendResult] = ()
    failure: ProviderError | None = None
    began_at = utc_now()
    try:
        send_results = list(call())
    except ProviderError as error:
        failure = error
    except Exception as error:  # noqa: BLE001 - a fault of the adapter after the call
        _log.error("adapter fault", provider=guarded.name, **error_fields(error))
        failure = OutcomeUnknownError("adapter_fault")
    is_answered = failure is None or isinstance(failure, RejectedError | SenderRefusedError)
    if is_answered and not any(each.refuses_account for each in send_results):
        guarded.succeed()
    else:
        retry_after = failure.retry_after if failure else None
        guarded.fail(began_at=began_at, now=utc_now(), retry_after=retry_after)
    return send_results, failure
