"""Postmark. https://postmarkapp.com/developer/api/email-api#send-batch-emails"""

from collections.abc import Sequence
from typing import Any

from service.domain.delivery.retry import SendOutcome
from service.mail.dsn import MailDsn
from service.mail.http_api import (
    Answer,
    HttpApi,
    HttpOptions,
    Request,
    accepted,
    code_field,
    field,
    items,
    json_request,
)
from service.mail.mime import unparsed
from service.mail.provider import (
    Mail,
    MisconfiguredError,
    ProviderError,
    SenderRefusedError,
    SendResult,
    TemporaryError,
)

# https://postmarkapp.com/developer/api/overview#error-codes
_ACCOUNT = frozenset({10, 405, 412, 413, 1221, 1235, 1236})
"""The token is wrong; no credits are left; the account waits for approval, or may not send; the
message stream does not exist, or is not for sending. While an account waits, Postmark takes only
emails within the sender's own domain.
"""
_SENDER = frozenset({400, 401})
"""The sender signature does not exist, or is not confirmed."""
_LATER = frozenset({100, 429})
"""Maintenance; too many requests."""


class Postmark(HttpApi):
    """`POST /email/batch`: up to 500 emails, an error code for each. No idempotency key."""

    name = "postmark"
    batch_size = 500
    takes_utf8 = False
    default_url = "https://api.postmarkapp.com"

    def __init__(self, dsn: MailDsn, http: HttpOptions) -> None:
        """`postmark://SERVER_TOKEN@default?stream=outbound`."""
        dsn.allow("scheme", "stream")
        super().__init__(dsn, http)
        self._stream = dsn.options.get("stream", "outbound")
        self._session.headers["X-Postmark-Server-Token"] = dsn.token()

    def request(self, mails: Sequence[Mail], *, key: str) -> Request:  # noqa: ARG002
        """See `HttpApi.request`."""
        return json_request("/email/batch", [self._message(mail) for mail in mails])

    def results(self, mails: Sequence[Mail], answer: Answer) -> Sequence[SendResult]:
        """See `HttpApi.results`."""
        results = items(answer.json(), len(mails))
        return [_send_result(mail, result) for mail, result in zip(mails, results, strict=True)]

    def refusal(self, answer: Answer) -> ProviderError:
        """A 422 about token, sender or stream is ours to fix, whatever its status says."""
        code = answer.error_code("ErrorCode")
        if answer.status == 422 and code in _SENDER:
            return SenderRefusedError(f"postmark_{code}")
        if answer.status == 422 and code in _ACCOUNT:
            return MisconfiguredError(f"postmark_{code}")
        if answer.status == 422 and code in _LATER:
            return TemporaryError(f"postmark_{code}")
        return super().refusal(answer)

    def _message(self, mail: Mail) -> dict[str, Any]:
        return {
            "From": mail.sender.quoted,
            "To": mail.recipient,
            "Subject": unparsed(mail.subject),
            "TextBody": mail.text,
            "HtmlBody": mail.html,
            "Headers": [{"Name": name, "Value": value} for name, value in mail.headers.items()],
            "Tag": mail.tag,
            "Metadata": {"message_id": str(mail.message_id)},
            "MessageStream": self._stream,
            "TrackOpens": False,
            "TrackLinks": "None",
        }


def _send_result(mail: Mail, result: Any) -> SendResult:
    code = code_field(result, "ErrorCode")
    if code == 0:
        return accepted(mail, field(result, "MessageID"))
    outcome = SendOutcome.REJECTED
    if code in _ACCOUNT | _SENDER:
        outcome = SendOutcome.MISCONFIGURED
    elif code in _LATER:
        outcome = SendOutcome.TEMPORARY
    return SendResult(
        message_id=mail.message_id,
        outcome=outcome,
        error=f"postmark_{code}",
        refuses_sender=code in _SENDER,
    )
