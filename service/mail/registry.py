"""From a `MAIL_URL` to a provider: the one place that knows every adapter."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from service.domain.address import ENCODED_WORD
from service.mail.dsn import DsnError, MailDsn, parse_dsn
from service.mail.http_api import HttpApi, HttpOptions
from service.mail.mailbox import Mailbox
from service.mail.pace import Pace
from service.mail.provider import Provider
from service.mail.providers.brevo import Brevo
from service.mail.providers.mailbox import MailboxProvider
from service.mail.providers.mailgun import Mailgun
from service.mail.providers.mailjet import Mailjet
from service.mail.providers.mailpit import Mailpit
from service.mail.providers.mailtrap import Mailtrap
from service.mail.providers.postmark import Postmark
from service.mail.providers.resend import Resend
from service.mail.providers.scaleway import Scaleway
from service.mail.providers.sendgrid import SendGrid
from service.mail.providers.ses import AmazonSes
from service.mail.providers.smtp import Smtp
from service.outbound import Limits


@dataclass(frozen=True, slots=True)
class _Means:
    """What a builder may need beside the DSN."""

    mailbox_dir: Path
    http: HttpOptions


MAX_NAME = 32
"""Longest name of a provider that the tables keep."""
_Builder = Callable[[MailDsn, _Means], Provider]


def _http(api: type[HttpApi]) -> _Builder:
    return lambda dsn, means: api(dsn, means.http)


def _mailbox(dsn: MailDsn, means: _Means) -> Provider:
    dsn.allow()
    return MailboxProvider(Mailbox(means.mailbox_dir), means.http.pace)


def _smtp(dsn: MailDsn, means: _Means) -> Provider:
    return Smtp(dsn, means.http.limits, means.http.pace)


HTTP_APIS: tuple[type[HttpApi], ...] = (
    Postmark,
    SendGrid,
    Mailgun,
    AmazonSes,
    Brevo,
    Resend,
    Mailjet,
    Mailtrap,
    Scaleway,
    Mailpit,
)

BUILDERS: dict[str, _Builder] = {
    "mailbox": _mailbox,
    "smtp": _smtp,
    "smtps": _smtp,
    **{api.name: _http(api) for api in HTTP_APIS},
}
"""Every scheme that `MAIL_URL` may have."""


def may_reach(dsn_texts: Iterable[str], address: str) -> bool:
    """Tell whether any of these mail APIs carries email to such an address, as far as is known
    without asking: an SMTP server may turn out not to.
    """
    takers = {api.name: api.takes_utf8 for api in HTTP_APIS}
    names = provider_names(dsn_texts)
    is_carried = address.isascii() or any(takers.get(name, True) for name in names)
    return is_carried and ENCODED_WORD not in address


def provider_names(dsn_texts: Iterable[str]) -> list[str]:
    """Return the names of the mail APIs of these DSNs, of which `smtps` is no other than `smtp`."""
    schemes = (text.partition(":")[0].lower() for text in dsn_texts)
    return ["smtp" if scheme == "smtps" else scheme for scheme in schemes]


def account_names(dsn_texts: Iterable[str]) -> list[str]:
    """Return a name for each DSN, by which batches, pauses and metrics know it.

    It is the mail API's name. Where several accounts have that, its host stands behind it; and
    where the hosts are the same or too long, six hex digits that stand for host and user.
    """
    texts = list(dsn_texts)
    kinds = provider_names(texts)
    accounts = [parse_dsn(text) for text in texts]
    hosted = [
        f"{kind}@{account.authority()}" for kind, account in zip(kinds, accounts, strict=True)
    ]
    names = []
    for kind, host, account in zip(kinds, hosted, accounts, strict=True):
        if kinds.count(kind) == 1:
            names.append(kind)
        elif hosted.count(host) == 1 and len(host) <= MAX_NAME:
            names.append(host)
        else:
            names.append(f"{kind}-{sha256(f'{host} {account.user}'.encode()).hexdigest()[:6]}")
    return names


def names_in_use(dsn_texts: Iterable[str]) -> list[str]:
    """Return the accounts' names, as far as they are known where a DSN is wrong."""
    texts = list(dsn_texts)
    try:
        return account_names(texts)
    except DsnError:
        return provider_names(texts)


def build_provider(
    dsn_text: str,
    *,
    mailbox_dir: Path,
    limits: Limits | None = None,
    concurrency: int = 8,
) -> Provider:
    """Return the provider that one DSN names; raise `DsnError` (a `ValueError`) without secrets.

    `mailbox_dir` is the folder of `mailbox:`; `concurrency` is how many calls may run at once, and
    so how many connections are kept open. Nothing is connected to yet.
    """
    dsn = parse_dsn(dsn_text)
    builder = BUILDERS.get(dsn.scheme)
    if builder is None:
        raise DsnError(f"unknown mail API; use one of {', '.join(sorted(BUILDERS))}")
    http = HttpOptions(
        limits=limits or Limits(), pool_size=concurrency, pace=Pace(dsn.calls_a_second())
    )
    return builder(dsn, _Means(mailbox_dir, http))
