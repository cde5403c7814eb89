"""One call to a provider: what cannot go is left out of it, and what it came to is noted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import structlog

from service.clock import utc_now
from service.domain.delivery.retry import Outcome
from service.log import error_fields
from service.mail.provider import (
    ADDRESS_UNSUPPORTED,
    NOT_SENDABLE,
    Call,
    Mail,
    OutcomeUnknownError,
    Provider,
    ProviderError,
    Receipt,
    RejectedError,
    SenderRefusedError,
    reaches,
)
from service.usecases.delivery.providers import Gate

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of each mail, and what the call as a whole failed with, if it did."""

    receipts: Mapping[UUID, Receipt]
    failure: ProviderError | None
    is_shared: bool
    """Whether several mails were in the call, so that one may have spoilt it for the rest."""


def call_provider(gate: Gate, mails: Sequence[Mail], *, key: str) -> Sent:
    """Call the provider once, with those of the mails that can go, and tell the gate how it went.

    What fails before a byte is sent is one mail's own fault: that mail alone is rejected, and the
    gate hears nothing of it.
    """
    receipts: dict[UUID, Receipt] = {}
    reachable: list[Mail] = []
    for mail in mails:
        if reaches(gate.provider, mail.recipient):
            reachable.append(mail)
        else:
            receipts[mail.message_id] = rejected(mail.message_id, ADDRESS_UNSUPPORTED)
    prepared = _prepare(gate.provider, reachable, key=key)
    for message_id, error in prepared.faults.items():
        receipts[message_id] = rejected(message_id, error)
    failure: ProviderError | None = prepared.failure
    if prepared.call is not None:
        found, failure = _make(gate, prepared.call)
        receipts |= {each.message_id: each for each in found}
    code = failure.code if failure else "no_receipt"
    outcome = failure.outcome if failure else Outcome.UNKNOWN
    for mail in prepared.mails:
        receipts.setdefault(
            mail.message_id, Receipt(message_id=mail.message_id, outcome=outcome, error=code)
        )
    return Sent(receipts=receipts, failure=failure, is_shared=len(prepared.mails) > 1)


def rejected(message_id: UUID, error: str) -> Receipt:
    """Return the receipt of a mail that cannot be sent."""
    return Receipt(message_id=message_id, outcome=Outcome.REJECTED, error=error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A call and the mails in it; what is wrong with each of the others, by message id."""

    call: Call | None = None
    mails: Sequence[Mail] = ()
    faults: Mapping[UUID, str] = field(default_factory=dict)
    failure: RejectedError | None = None
    """Set in place of a call where the mails can go, and not together."""


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


def _try(provider: Provider, mails: Sequence[Mail], *, key: str) -> Call | str:
    """Return the call prepared for these mails, or a code for why there is none."""
    try:
        return provider.prepare(mails, key=key)
    except RejectedError as error:
        return error.code
    except Exception as error:  # noqa: BLE001 - an adapter may fail in any way
        ids = [str(mail.message_id) for mail in mails]
        _log.error("not sendable", messages=ids[:1], of=len(ids), **error_fields(error))
        return NOT_SENDABLE


def _make(
    gate: Gate, call: Callable[[], Sequence[Receipt]]
) -> tuple[Sequence[Receipt], ProviderError | None]:
    """Make the call; return its receipts, or what it failed with."""
    receipts: Sequence[Receipt] = ()
    failure: ProviderError | None = None
    began_at = utc_now()
    try:
        receipts = list(call())
    except ProviderError as error:
        failure = error
    except Exception as error:  # noqa: BLE001 - a fault of the adapter after the call
        _log.error("adapter fault", provider=gate.name, **error_fields(error))
        failure = OutcomeUnknownError("adapter_fault")
    if failure is None or isinstance(failure, RejectedError | SenderRefusedError):
        gate.succeed()
    else:
        gate.fail(began_at=began_at, now=utc_now(), retry_after=failure.retry_after)
    return receipts, failure
