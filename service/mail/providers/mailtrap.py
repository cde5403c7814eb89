"""Mailtrap. https://docs.mailtrap.io/developers/email-sending/batch-email"""

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
    field,
    items,
    json_request,
    named,
)
from service.mail.mime import unparsed
from service.mail.provider import Mail, SendResult


class Mailtrap(HttpApi):
    """`POST /api/batch`: up to 500 emails, a result for each. No idempotency key."""

    name = "mailtrap"
    batch_size = 500
    takes_utf8 = False
    default_url = "https://send.api.mailtrap.io"

    def __init__(self, dsn: MailDsn, http: HttpOptions) -> None:
        """`mailtrap://TOKEN@default`, or `@bulk.api.mailtrap.io` for the bulk stream."""
        dsn.allow("scheme")
        super().__init__(dsn, http)
        self._session.headers["Authorization"] = f"Bearer {dsn.token()}"

    def request(self, mails: Sequence[Mail], *, key: str) -> Request:  # noqa: ARG002
        """See `HttpApi.request`."""
        return json_request("/api/batch", {"requests": [_message(mail) for mail in mails]})

    def results(self, mails: Sequence[Mail], answer: Answer) -> Sequence[SendResult]:
        """See `HttpApi.results`."""
        results = items(field(answer.json(), "responses"), len(mails))
        return [_send_result(mail, result) for mail, result in zip(mails, results, strict=True)]


def _send_result(mail: Mail, result: Any) -> SendResult:
    if field(result, "success") is not True:
        return SendResult(
            message_id=mail.message_id, outcome=SendOutcome.REJECTED, error="mailtrap_invalid"
        )
    (message_id,) = items(field(result, "message_ids"), 1)
    return accepted(mail, message_id)


def _message(mail: Mail) -> dict[str, Any]:
    return {
        "from": named(mail.sender),
        "to": [{"email": mail.recipient}],
        "subject": unparsed(mail.subject),
        "text": mail.text,
        "html": mail.html,
        "headers": dict(mail.headers),
        "category": mail.tag,
        "custom_variables": {"message_id": str(mail.message_id)},
    }
