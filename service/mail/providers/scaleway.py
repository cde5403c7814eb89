"""Scaleway Transactional Email. https://www.scaleway.com/en/developers/api/transactional-email/"""

import re
from collections.abc import Sequence

from service.mail.dsn import DsnError, MailDsn
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

_REGION = re.compile(r"[a-z]{2}-[a-z]{3}")


class Scaleway(HttpApi):
    """`POST …/emails`: one email a call. No idempotency key."""

    name = "scaleway"
    batch_size = 1
    takes_utf8 = False
    default_url = "https://api.scaleway.com"

    def __init__(self, dsn: MailDsn, http: HttpOptions) -> None:
        """`scaleway://PROJECT_ID:SECRET_KEY@default?region=fr-par`."""
        dsn.allow("scheme", "region")
        region = dsn.options.get("region", "fr-par")
        if not _REGION.fullmatch(region):
            raise DsnError("scaleway:// needs a region, as in region=fr-par")
        super().__init__(dsn, http)
        self._project, secret = dsn.pair()
        self._path = f"/transactional-email/v1alpha1/regions/{region}/emails"
        self._session.headers["X-Auth-Token"] = secret

    def request(self, mails: Sequence[Mail], *, key: str) -> Request:  # noqa: ARG002
        """See `HttpApi.request`."""
        (mail,) = mails
        return json_request(
            self._path,
            {
                "project_id": self._project,
                "from": named(mail.sender),
                "to": [{"email": mail.recipient}],
                "subject": unparsed(mail.subject),
                "text": mail.text,
                "html": mail.html,
                "additional_headers": [
                    {"key": header, "value": value} for header, value in mail.headers.items()
                ],
            },
        )

    def results(self, mails: Sequence[Mail], answer: Answer) -> Sequence[SendResult]:
        """See `HttpApi.results`."""
        (mail,) = mails
        (email,) = items(field(answer.json(), "emails"), 1)
        return [accepted(mail, field(email, "id"))]
