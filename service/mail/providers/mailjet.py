"""Mailjet. https://dev.mailjet.com/email/guides/send-api-v31/"""

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
    malformed,
    named,
)
from service.mail.mime import unparsed
from service.mail.provider import Mail, SendResult

_SENDER = frozenset({"send-0008", "send-0015"})
"""The sender's address or domain is not validated, or is not allowed to send."""


class Mailjet(HttpApi):
    """`POST /v3.1/send`: up to 50 emails, a status for each. No idempotency key.

    Partial failure comes with a 4xx status; the emails without an error are taken all the same.
    """

    name = "mailjet"
    batch_size = 50
    default_url = "https://api.mailjet.com"

    def __init__(self, dsn: MailDsn, http: HttpOptions) -> None:
        """`mailjet://API_KEY:SECRET_KEY@default`."""
        dsn.allow("scheme")
        super().__init__(dsn, http)
        self._session.auth = dsn.pair()

    def request(self, mails: Sequence[Mail], *, key: str) -> Request:  # noqa: ARG002
        """See `HttpApi.request`."""
        return json_request("/v3.1/send", {"Messages": [_message(mail) for mail in mails]})

    def results(self, mails: Sequence[Mail], answer: Answer) -> Sequence[SendResult]:
        """See `HttpApi.results`."""
        results = items(field(answer.json(), "Messages"), len(mails))
        return [_send_result(mail, result) for mail, result in zip(mails, results, strict=True)]

    def is_result(self, answer: Answer) -> bool:
        """A 4xx with one entry for each email gives the result of each."""
        is_partial = 400 <= answer.status < 500 and answer.error_field("Messages") is not None
        return is_partial or super().is_result(answer)


def _send_result(mail: Mail, result: Any) -> SendResult:
    if field(result, "Status") == "success":
        (recipient,) = items(field(result, "To"), 1)
        return accepted(mail, field(recipient, "MessageID"))
    errors = field(result, "Errors")
    if not isinstance(errors, list) or not errors:
        raise malformed()
    code, status = code_field(errors[0], "ErrorCode"), errors[0].get("StatusCode")
    outcome = SendOutcome.REJECTED
    if code in _SENDER or status in (401, 403):
        outcome = SendOutcome.MISCONFIGURED
    elif status == 429 or (isinstance(status, int) and status >= 500):
        outcome = SendOutcome.TEMPORARY
    return SendResult(
        message_id=mail.message_id,
        outcome=outcome,
        error=f"mailjet_{code}",
        refuses_sender=code in _SENDER,
    )


def _message(mail: Mail) -> dict[str, Any]:
    return {
        "From": named(mail.sender, "Email", "Name"),
        "To": [{"Email": mail.recipient}],
        "Subject": unparsed(mail.subject),
        "TextPart": mail.text,
        "HTMLPart": mail.html,
        "Headers": dict(mail.headers),
        "CustomID": str(mail.message_id),
        "TrackOpens": "disabled",
        "TrackClicks": "disabled",
    }
