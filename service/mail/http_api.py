"""What all mail APIs over HTTP share: one POST, and what its end says of each email.

| the call breaks | raised |
|---|---|
| before the request's last byte was sent (DNS, refused, TLS, timeout, cut while sending) | `TemporaryError`: not accepted |
| after it, before the answer's last byte (timeout, reset, a kept connection closed at that moment, half a body, a body too large) | `OutcomeUnknownError` |
| a 2xx whose body is not what the API promises | `OutcomeUnknownError` |
| a whole answer 408, 425, 429 or 5xx | `TemporaryError`, with the pause that the API asks for |
| a whole answer 401, 402, 403, 404, 405 or 3xx: key, account or address | `MisconfiguredError` |
| a whole answer with another 4xx | `RejectedError` |
"""  # noqa: E501 - a table's row is one line

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import timedelta
from functools import partial
from typing import Any

import requests
import structlog
from urllib3.exceptions import HTTPError

from service import outbound
from service.clock import utc_now
from service.domain.delivery.retry import SendOutcome
from service.domain.delivery.sender import Sender
from service.mail.dsn import MailDsn
from service.mail.pace import Pace
from service.mail.pause import pause_asked_for
from service.mail.provider import (
    NOT_SENDABLE,
    Mail,
    MisconfiguredError,
    OutcomeUnknownError,
    PreparedCall,
    ProviderError,
    RejectedError,
    SendResult,
    TemporaryError,
)
from service.outbound import Limits

_TEMPORARY = frozenset({408, 425, 429})
_MISCONFIGURED = frozenset({401, 402, 403, 404, 405})
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """How an adapter over HTTP connects and how fast: limits, connections kept open, pace."""

    limits: Limits = dataclass_field(default_factory=Limits)
    pool_size: int = 8
    pace: Pace = dataclass_field(default_factory=Pace)


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted, and where below the API's address."""

    path: str
    body: bytes
    headers: Mapping[str, str]


def json_request(
    path: str, payload: object, *, headers: Mapping[str, str] | None = None
) -> Request:
    """Return a request with `payload` as JSON, always the same bytes for the same payload."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Request(path, body, {"Content-Type": "application/json", **(headers or {})})


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    body: bytes

    def json(self) -> Any:
        """Return the decoded body of a 2xx; raise `OutcomeUnknownError` where it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise malformed() from None

    def error_field(self, name: str) -> Any:
        """Return a field of an error's JSON object; None where there is no such thing."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value.get(name) if isinstance(value, dict) else None

    def error_code(self, name: str) -> str | int | None:
        """Return a field of an error's JSON object if it is a code. See `code_of`."""
        return code_of(self.error_field(name))


def code_of(value: Any) -> str | int | None:
    """Return an API's error code, a text or a number; None for any other JSON."""
    return value if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def malformed() -> OutcomeUnknownError:
    """Return the error for a 2xx that does not say what the API promises to say."""
    return OutcomeUnknownError("malformed_answer")


def field(value: Any, name: str) -> Any:
    """Return `value[name]` of a 2xx's JSON; raise `OutcomeUnknownError` where there is none."""
    if not isinstance(value, dict) or name not in value:
        raise malformed()
    return value[name]


def code_field(value: Any, name: str) -> str | int:
    """Return an error code of a 2xx's JSON; raise `OutcomeUnknownError` where there is none."""
    code = code_of(field(value, name))
    if code is None:
        raise malformed()
    return code


def items(value: Any, count: int) -> list[Any]:
    """Return a 2xx's JSON list if it has one entry for each email; else `OutcomeUnknownError`."""
    if not isinstance(value, list) or len(value) != count:
        raise malformed()
    return value


def named(sender: Sender, address: str = "email", name: str = "name") -> dict[str, str]:
    """Return the sender as most APIs take it in JSON, under their names for the two fields."""
    return {address: sender.address, **({name: sender.name} if sender.name else {})}


def accepted(mail: Mail, provider_message_id: object) -> SendResult:
    """Return the result of an email that the API took, under the API's own name for it."""
    name = code_of(provider_message_id)
    if name is None or name == "":
        raise malformed()
    return SendResult(
        message_id=mail.message_id, outcome=SendOutcome.ACCEPTED, provider_message_id=str(name)
    )


class HttpApi(ABC):
    """Base of the adapters. Safe to call from several threads: they share only the pool."""

    name: str
    batch_size: int
    key_life: timedelta = timedelta(0)
    default_url: str
    takes_utf8: bool = True
    """Whether the API carries email to local parts that are not ASCII (RFC 6531)."""

    def __init__(self, dsn: MailDsn, http: HttpOptions) -> None:
        """Take credentials and address from the DSN; raise `DsnError` where one does not fit.

        The call goes where the DSN says, within the limits (`service.outbound`).
        """
        self.url = dsn.api_url(self.default_url)
        self.pace = http.pace
        self._session = outbound.session(http.limits, pool_size=http.pool_size)
        self._session.headers["Accept"] = "application/json"

    def reaches(self, address: str) -> bool:
        """See `Provider.reaches`."""
        return self.takes_utf8 or address.isascii()

    def prepare(self, mails: Sequence[Mail], *, key: str) -> PreparedCall:
        """See `Provider.prepare`."""
        request = self.request(mails, key=key)
        prepared = self._session.prepare_request(
            requests.Request(
                "POST", self.url + request.path, data=request.body, headers=dict(request.headers)
            )
        )
        return partial(self.call, prepared, mails)

    @abstractmethod
    def request(self, mails: Sequence[Mail], *, key: str) -> Request:
        """Return the request that hands these emails over, the same for the same emails and key.

        Raises `RejectedError` where they do not go together.
        """

    @abstractmethod
    def results(self, mails: Sequence[Mail], answer: Answer) -> Sequence[SendResult]:
        """Return a result for each email, in order, from an answer that `is_result`."""

    def call(
        self, prepared: requests.PreparedRequest, mails: Sequence[Mail]
    ) -> Sequence[SendResult]:
        """Make the call and read its answer. Raises `ProviderError`."""
        return self.results(mails, self._exchange(prepared))

    def close(self) -> None:
        """Let connections go."""
        self._session.close()

    def _exchange(self, prepared: requests.PreparedRequest) -> Answer:
        """Send the request once and return the whole 2xx answer.

        Raises `ProviderError` for all else, as the table at the top of this module says.
        """
        try:
            response = self._session.send(prepared, allow_redirects=False)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _broken(error) from None
        except Exception as error:
            if outbound.has_begun():
                raise
            _log.error("not sendable", provider=self.name, error=type(error).__name__)
            raise RejectedError(NOT_SENDABLE) from None
        answer = Answer(response.status_code, response.headers, response.content)
        self.pace.note(answer.headers, utc_now())
        if self.is_result(answer):
            return answer
        raise self.refusal(answer)

    def is_result(self, answer: Answer) -> bool:
        """Tell whether the answer gives the result of each email: a 2xx, unless overridden."""
        return 200 <= answer.status < 300

    def refusal(self, answer: Answer) -> ProviderError:
        """Return the error that a whole answer other than 2xx means. An adapter may know more."""
        code = f"http_{answer.status}"
        if answer.status >= 500 or answer.status in _TEMPORARY:
            return TemporaryError(code, retry_after=pause_asked_for(answer.status, answer.headers))
        if answer.status in _MISCONFIGURED or answer.status < 400:
            return MisconfiguredError(code)
        return RejectedError(code)


def _broken(error: Exception) -> ProviderError:
    """Return what a call without a whole answer means. No text of the error is kept: it may hold
    an address.
    """
    is_late = isinstance(error, requests.Timeout) or "timed out" in str(error)
    if outbound.was_sent():
        return OutcomeUnknownError("read_timeout" if is_late else "connection_broken")
    if is_late:
        return TemporaryError("connect_timeout")
    if isinstance(error, requests.exceptions.SSLError):
        return TemporaryError("tls_failed")
    return TemporaryError("connect_failed")
