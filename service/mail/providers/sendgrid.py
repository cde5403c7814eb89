"""SendGrid. https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send"""

from collections.abc import Sequence
from typing import Any

from service.domain.delivery.retry import SendOutcome
from service.mail.dsn import MailDsn
from service.mail.http_api import Answer, HttpApi, HttpOptions, Request, json_request, named
from service.mail.mime import unparsed
from service.mail.provider import (
    Mail,
    ProviderError,
    RejectedError,
    SenderRefusedError,
    SendResult,
)

_TEXT, _HTML = "-newsflash.text-", "-newsflash.html-"
_MAX_SUBSTITUTION_BYTES = 10_000
"""All substitutions of one personalization together."""


class SendGrid(HttpApi):
    """`POST /v3/mail/send`: one personalization an email, up to 1000. No idempotency key.

    A single email carries its own content. Emails that go together share one content made of two
    tags, which each personalization replaces by its whole text and HTML. SendGrid takes all or
    nothing, and names only the call: events carry our `message_id` as a custom argument.
    """

    name = "sendgrid"
    batch_size = 1000
    takes_utf8 = False
    default_url = "https://api.sendgrid.com"

    def __init__(self, dsn: MailDsn, http: HttpOptions) -> None:
        """`sendgrid://API_KEY@default`, or `@api.eu.sendgrid.com` for an EU subuser."""
        dsn.allow("scheme")
        super().__init__(dsn, http)
        self._session.headers["Authorization"] = f"Bearer {dsn.token()}"

    def request(self, mails: Sequence[Mail], *, key: str) -> Request:  # noqa: ARG002
        """See `HttpApi.request`."""
        return json_request("/v3/mail/send", _payload(mails))

    def refusal(self, answer: Answer) -> ProviderError:
        """A 403 whose errors are about the field `from` is about the sender alone."""
        errors = answer.error_field("errors")
        listed = errors if isinstance(errors, list) else []
        fields = [each.get("field") for each in listed if isinstance(each, dict)]
        if answer.status == 403 and "from" in fields:
            return SenderRefusedError("sendgrid_from")
        return super().refusal(answer)

    def results(self, mails: Sequence[Mail], answer: Answer) -> Sequence[SendResult]:
        """See `HttpApi.results`."""
        call_id = answer.headers.get("X-Message-Id")
        return [
            SendResult(
                message_id=mail.message_id,
                outcome=SendOutcome.ACCEPTED,
                provider_message_id=call_id,
            )
            for mail in mails
        ]


def _payload(mails: Sequence[Mail]) -> dict[str, Any]:
    first = mails[0]
    if any(mail.sender != first.sender for mail in mails):
        raise RejectedError("batch_mixed")
    is_alone = len(mails) == 1
    return {
        "personalizations": [_personalization(mail, is_alone=is_alone) for mail in mails],
        "from": named(first.sender),
        "subject": unparsed(first.subject),
        "content": [
            {"type": "text/plain", "value": first.text if is_alone else _TEXT},
            {"type": "text/html", "value": first.html if is_alone else _HTML},
        ],
        "categories": sorted({mail.tag for mail in mails if mail.tag}),
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }


def _personalization(mail: Mail, *, is_alone: bool) -> dict[str, Any]:
    personalization = {
        "to": [{"email": mail.recipient}],
        "subject": unparsed(mail.subject),
        "headers": dict(mail.headers),
        "custom_args": {"message_id": str(mail.message_id)},
    }
    if not is_alone:
        if len((mail.text + mail.html).encode()) > _MAX_SUBSTITUTION_BYTES - 100:
            raise RejectedError("batch_too_long")
        personalization["substitutions"] = {_TEXT: mail.text, _HTML: mail.html}
    return personalization
