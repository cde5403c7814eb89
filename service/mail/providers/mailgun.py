"""Mailgun. https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/batch-sending"""

import json
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from service.mail.dsn import DsnError, MailDsn
from service.mail.http_api import Answer, HttpApi, HttpOptions, Request, accepted, field
from service.mail.mime import unparsed
from service.mail.provider import Mail, RejectedError, SendResult

_REGIONS = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}


class Mailgun(HttpApi):
    """`POST /v3/<domain>/messages`: up to 1000 recipients with variables. No idempotency key.

    A single email goes as it is. Emails that go together become recipient variables, one for each
    part, so an address may be in a call only once. Mailgun takes all or nothing under one id;
    events tell emails apart by the recipient and by our `message_id`, a user variable.
    """

    name = "mailgun"
    batch_size = 1000
    default_url = _REGIONS["us"]

    def __init__(self, dsn: MailDsn, http: HttpOptions) -> None:
        """`mailgun://API_KEY@default?domain=mg.example.org&region=us`; region is `us` or `eu`."""
        dsn.allow("scheme", "domain", "region")
        region = dsn.options.get("region", "us")
        if region not in _REGIONS:
            raise DsnError("mailgun:// takes region=us or region=eu")
        self.default_url = _REGIONS[region]
        super().__init__(dsn, http)
        self._path = f"/v3/{quote(dsn.option('domain'), safe='')}/messages"
        self._session.auth = ("api", dsn.token())

    def request(self, mails: Sequence[Mail], *, key: str) -> Request:  # noqa: ARG002
        """See `HttpApi.request`."""
        fields = _single(mails[0]) if len(mails) == 1 else _several(mails)
        fields += [("o:tag", tag) for tag in sorted({mail.tag for mail in mails if mail.tag})]
        fields += [("o:tracking", "no")]
        return Request(
            self._path,
            urlencode(fields).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )

    def results(self, mails: Sequence[Mail], answer: Answer) -> Sequence[SendResult]:
        """See `HttpApi.results`."""
        # Events name the message without the angle brackets.
        call_id = str(field(answer.json(), "id")).strip("<>")
        return [accepted(mail, call_id) for mail in mails]


def _parts(mail: Mail) -> dict[str, str]:
    """Return what differs from email to email, by the API's field name."""
    return {
        "subject": unparsed(mail.subject),
        "text": mail.text,
        "html": mail.html,
        **{f"h:{name}": value for name, value in mail.headers.items()},
        "v:message_id": str(mail.message_id),
    }


def _single(mail: Mail) -> list[tuple[str, str]]:
    to = [("from", mail.sender.quoted), ("to", mail.recipient)]
    return to + list(_parts(mail).items())


def _several(mails: Sequence[Mail]) -> list[tuple[str, str]]:
    first = mails[0]
    parts = [_parts(mail) for mail in mails]
    is_mixed = any(
        mail.sender != first.sender or part.keys() != parts[0].keys()
        for mail, part in zip(mails, parts, strict=True)
    )
    if is_mixed or len({mail.recipient.casefold() for mail in mails}) < len(mails):
        raise RejectedError("batch_mixed")
    names = list(parts[0])
    variables = {
        mail.recipient: {f"p{number}": part[name] for number, name in enumerate(names)}
        for mail, part in zip(mails, parts, strict=True)
    }
    return [
        ("from", first.sender.quoted),
        *(("to", mail.recipient) for mail in mails),
        *((name, f"%recipient.p{number}%") for number, name in enumerate(names)),
        ("recipient-variables", json.dumps(variables, ensure_ascii=False, separators=(",", ":"))),
    ]
