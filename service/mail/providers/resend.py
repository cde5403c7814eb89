"""Resend. https://resend.com/docs/api-reference/emails/send-batch-emails"""

from collections.abc import Sequence
from datetime import timedelta
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
    malformed,
)
from service.mail.mime import unparsed
from service.mail.provider import (
    Mail,
    MisconfiguredError,
    OutcomeUnknownError,
    ProviderError,
    SenderRefusedError,
    SendResult,
    TemporaryError,
)

_ACCOUNT = frozenset({"missing_api_key", "invalid_api_key", "restricted_api_key", "invalid_access"})
_SENDER = "invalid_from_address"
_UNVERIFIED = "validation_error"
"""With a 403: the sender's domain is not verified."""


class Resend(HttpApi):
    """`POST /emails/batch`: up to 100 emails, errors by index in permissive mode.

    `Idempotency-Key` is remembered for 24 hours and gives the first answer again.
    """

    name = "resend"
    batch_size = 100
    takes_utf8 = False
    key_life = timedelta(hours=23)
    """A day, less a margin."""
    default_url = "https://api.resend.com"

    def __init__(self, dsn: MailDsn, http: HttpOptions) -> None:
        """`resend://API_KEY@default`."""
        dsn.allow("scheme")
        super().__init__(dsn, http)
        self._session.headers["Authorization"] = f"Bearer {dsn.token()}"

    def request(self, mails: Sequence[Mail], *, key: str) -> Request:
        """See `HttpApi.request`."""
        return json_request(
            "/emails/batch",
            [_message(mail) for mail in mails],
            headers={"Idempotency-Key": key, "x-batch-validation": "permissive"},
        )

    def results(self, mails: Sequence[Mail], answer: Answer) -> Sequence[SendResult]:
        """See `HttpApi.results`."""
        found = answer.json()
        failed = _failed(found)
        taken = iter(items(field(found, "data"), len(mails) - len(failed)))
        return [
            SendResult(
                message_id=mail.message_id, outcome=SendOutcome.REJECTED, error="resend_invalid"
            )
            if index in failed
            else accepted(mail, field(next(taken), "id"))
            for index, mail in enumerate(mails)
        ]

    def refusal(self, answer: Answer) -> ProviderError:
        """A 409 is either "the first call is still running" or "the payload is another one"."""
        name = answer.error_code("name")
        if answer.status == 409:
            if name == "concurrent_idempotent_requests":
                return TemporaryError("resend_concurrent")
            return OutcomeUnknownError("resend_key_used")
        if name == _SENDER or (answer.status == 403 and name == _UNVERIFIED):
            return SenderRefusedError(f"resend_{name}")
        if name in _ACCOUNT:
            return MisconfiguredError(f"resend_{name}")
        return super().refusal(answer)


def _failed(answer: Any) -> set[int]:
    """Return the indexes of the emails that were not taken."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    indexes = [field(error, "index") for error in errors or ()]
    if not all(isinstance(index, int) for index in indexes):
        raise malformed()
    return set(indexes)


def _message(mail: Mail) -> dict[str, Any]:
    return {
        "from": mail.sender.quoted,
        "to": [mail.recipient],
        "subject": unparsed(mail.subject),
        "text": mail.text,
        "html": mail.html,
        "headers": dict(mail.headers),
        "tags": [
            {"name": "message_id", "value": str(mail.message_id)},
            *([{"name": "kind", "value": mail.tag}] if mail.tag else []),
        ],
    }
