"""Mailpit, the mail catcher for development. https://mailpit.axllent.org/docs/api-v1/"""

from collections.abc import Sequence

from service.mail.dsn import MailDsn
from service.mail.http_api import (
    Answer,
    HttpApi,
    HttpOptions,
    Request,
    accepted,
    field,
    json_request,
    named,
)
from service.mail.mime import unparsed
from service.mail.provider import Mail, SendResult


class Mailpit(HttpApi):
    """`POST /api/v1/send`: one email a call. No idempotency key, no credentials unless given."""

    name = "mailpit"
    batch_size = 1
    default_url = "http://127.0.0.1:8025"

    def __init__(self, dsn: MailDsn, http: HttpOptions) -> None:
        """`mailpit://127.0.0.1:8025?scheme=http`, with `user:password@` where it asks for them."""
        dsn.allow("scheme")
        super().__init__(dsn, http)
        if dsn.user:
            self._session.auth = dsn.pair()

    def request(self, mails: Sequence[Mail], *, key: str) -> Request:  # noqa: ARG002
        """See `HttpApi.request`."""
        (mail,) = mails
        return json_request(
            "/api/v1/send",
            {
                "From": named(mail.sender, "Email", "Name"),
                "To": [{"Email": mail.recipient}],
                "Subject": unparsed(mail.subject),
                "Text": mail.text,
                "HTML": mail.html,
                "Headers": dict(mail.headers),
                "Tags": [mail.tag] if mail.tag else [],
            },
        )

    def results(self, mails: Sequence[Mail], answer: Answer) -> Sequence[SendResult]:
        """See `HttpApi.results`."""
        (mail,) = mails
        return [accepted(mail, field(answer.json(), "ID"))]
