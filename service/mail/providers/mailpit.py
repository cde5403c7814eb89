"""Mailpit, the mail catcher for development. https://mailpit.axllent.org/docs/api-v1/"""

from collections.abc import Sequence

from service.mail.dsn import MailDsn
from service.mail.http_api import HttpApi, HttpOptions, accepted, field
from service.mail.mime import split_sender
from service.mail.provider import Mail, Receipt


class Mailpit(HttpApi):
    """`POST /api/v1/send`: one mail a call. No idempotency key, no credentials unless given."""

    name = "mailpit"
    batch_size = 1
    default_url = "http://127.0.0.1:8025"

    def __init__(self, dsn: MailDsn, http: HttpOptions) -> None:
        """`mailpit://127.0.0.1:8025?scheme=http`, with `user:password@` where it asks for them."""
        dsn.allow("scheme")
        super().__init__(dsn, http)
        if dsn.user:
            self._session.auth = dsn.pair()

    def send(self, mails: Sequence[Mail], *, key: str) -> Sequence[Receipt]:  # noqa: ARG002
        """See `Provider.send`."""
        (mail,) = mails
        name, address = split_sender(mail.sender)
        answer = self.post_json(
            "/api/v1/send",
            {
                "From": {"Email": address, "Name": name},
                "To": [{"Email": mail.recipient}],
                "Subject": mail.subject,
                "Text": mail.text,
                "HTML": mail.html,
                "Headers": dict(mail.headers),
                "Tags": [mail.tag] if mail.tag else [],
            },
        )
        return [accepted(mail, field(answer.json(), "ID"))]
