"""Brevo. https://developers.brevo.com/reference/sendtransacemail"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from requests import PreparedRequest

from service.domain.delivery.retry import SendOutcome
from service.mail.dsn import MailDsn
from service.mail.http_api import (
    Answer,
    HttpApi,
    HttpOptions,
    Request,
    accepted,
    field,
    items,
    json_request,
    named,
)
from service.mail.mime import unparsed
from service.mail.provider import (
    Mail,
    MisconfiguredError,
    ProviderError,
    RejectedError,
    SendResult,
)

_ACCOUNT = frozenset(
    {"unauthorized", "not_enough_credits", "permission_denied", "account_under_validation"}
)


class _KeyUsedError(RejectedError):
    """This key came before: what was sent under it then was taken, and is not carried out again."""


class Brevo(HttpApi):
    """`POST /v3/smtp/email`: up to 1000 message versions, all or nothing.

    The idempotency key is the header `idempotencyKey` *inside* the email's JSON, a UUID that is
    remembered for 30 minutes (https://developers.brevo.com/docs/heterogenous-versions-batch-emails).
    """

    name = "brevo"
    batch_size = 1000
    takes_utf8 = False
    key_life = timedelta(minutes=29)
    """Half an hour, less the length of a call."""
    default_url = "https://api.brevo.com"

    def __init__(self, dsn: MailDsn, http: HttpOptions) -> None:
        """`brevo://API_KEY@default`."""
        dsn.allow("scheme")
        super().__init__(dsn, http)
        self._session.headers["api-key"] = dsn.token()

    def request(self, mails: Sequence[Mail], *, key: str) -> Request:
        """See `HttpApi.request`."""
        return json_request("/v3/smtp/email", _payload(mails, key))

    def call(self, prepared: PreparedRequest, mails: Sequence[Mail]) -> Sequence[SendResult]:
        """See `HttpApi.call`. A key that came before means that its emails were taken."""
        try:
            return super().call(prepared, mails)
        except _KeyUsedError:
            # An earlier call of this batch was taken, its answer lost and with it the ids.
            return [
                SendResult(message_id=mail.message_id, outcome=SendOutcome.ACCEPTED)
                for mail in mails
            ]

    def results(self, mails: Sequence[Mail], answer: Answer) -> Sequence[SendResult]:
        """See `HttpApi.results`."""
        found = answer.json()
        ids = [field(found, "messageId")] if len(mails) == 1 else field(found, "messageIds")
        return [
            accepted(mail, name) for mail, name in zip(mails, items(ids, len(mails)), strict=True)
        ]

    def refusal(self, answer: Answer) -> ProviderError:
        """Brevo's own code tells a used key and a wrong account from a wrong email."""
        code = answer.error_code("code")
        if code == "duplicate_parameter":
            return _KeyUsedError("brevo_key_used")
        if code in _ACCOUNT:
            return MisconfiguredError(f"brevo_{code}")
        return super().refusal(answer)


def _payload(mails: Sequence[Mail], key: str) -> dict[str, Any]:
    first = mails[0]
    if any(mail.sender != first.sender for mail in mails):
        raise RejectedError("batch_mixed")
    shared = {"idempotencyKey": str(uuid5(NAMESPACE_OID, key))}
    payload: dict[str, Any] = {
        "sender": named(first.sender),
        "tags": sorted({mail.tag for mail in mails if mail.tag}),
    }
    if len(mails) == 1:
        return payload | _version(first) | {"headers": _headers(first) | shared}
    return payload | {
        "subject": unparsed(first.subject),
        "htmlContent": first.html,
        "textContent": first.text,
        "headers": shared,
        "messageVersions": [_version(mail) | {"headers": _headers(mail)} for mail in mails],
    }


def _version(mail: Mail) -> dict[str, Any]:
    return {
        "to": [{"email": mail.recipient}],
        "subject": unparsed(mail.subject),
        "htmlContent": mail.html,
        "textContent": mail.text,
    }


def _headers(mail: Mail) -> dict[str, str]:
    """Return the email's headers; `X-Mailin-custom` comes back with every event."""
    return {**mail.headers, "X-Mailin-custom": str(mail.message_id)}
