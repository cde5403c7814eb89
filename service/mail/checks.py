"""Whether a provider takes our credentials: one harmless call each, that sends and changes nothing.

| provider | call |
|---|---|
| Postmark | `GET /server` |
| SendGrid | `GET /v3/scopes` |
| Mailgun | `GET /v3/domains/<domain>` |
| Amazon SES | `GET /v2/email/account` |
| Brevo | `GET /v3/account` |
| Resend | `GET /domains` |
| Mailjet | `GET /v3/REST/sender` |
| Mailtrap | `GET /api/accounts` |
| Scaleway | `GET …/domains` |
| Mailpit | `GET /api/v1/info` |
| SMTP | EHLO and AUTH |
"""

import json
import smtplib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from service import outbound
from service.deadline import Deadline
from service.domain.finding import Finding, failed, ok, warning
from service.domain.network import is_loopback
from service.mail.dsn import DsnError, MailDsn, parse_dsn
from service.mail.providers.brevo import Brevo
from service.mail.providers.mailgun import Mailgun
from service.mail.providers.mailjet import Mailjet
from service.mail.providers.mailpit import Mailpit
from service.mail.providers.postmark import Postmark
from service.mail.providers.resend import Resend
from service.mail.providers.scaleway import Scaleway
from service.mail.providers.sendgrid import SendGrid
from service.mail.smtp_client import SmtpClient

TIMEOUT_SECONDS = 10.0
"""For each call as a whole."""
_LIMITS = outbound.Limits(total_seconds=TIMEOUT_SECONDS)
_MAILGUN_EU = "https://api.eu.mailgun.net"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Get:
    """A GET and its credentials."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: tuple[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Any


def _postmark(dsn: MailDsn) -> _Get:
    url = dsn.api_url(Postmark.default_url)
    return _Get(url=f"{url}/server", headers={"X-Postmark-Server-Token": dsn.token()})


def _sendgrid(dsn: MailDsn) -> _Get:
    return _bearer(dsn, f"{dsn.api_url(SendGrid.default_url)}/v3/scopes")


def _mailgun(dsn: MailDsn) -> _Get:
    is_eu = dsn.options.get("region") == "eu"
    url = dsn.api_url(_MAILGUN_EU if is_eu else Mailgun.default_url)
    domain = quote(dsn.option("domain"), safe="")
    return _Get(url=f"{url}/v3/domains/{domain}", auth=("api", dsn.token()))


def _ses(dsn: MailDsn) -> _Get:
    region = dsn.option("region")
    url = f"{dsn.api_url(f'https://email.{region}.amazonaws.com')}/v2/email/account"
    request = AWSRequest("GET", url)
    SigV4Auth(Credentials(*dsn.pair()), "ses", region).add_auth(request)
    return _Get(url=url, headers=dict(request.headers.items()))


def _brevo(dsn: MailDsn) -> _Get:
    url = dsn.api_url(Brevo.default_url)
    return _Get(url=f"{url}/v3/account", headers={"api-key": dsn.token()})


def _resend(dsn: MailDsn) -> _Get:
    return _bearer(dsn, f"{dsn.api_url(Resend.default_url)}/domains")


def _mailjet(dsn: MailDsn) -> _Get:
    return _Get(url=f"{dsn.api_url(Mailjet.default_url)}/v3/REST/sender", auth=dsn.pair())


def _mailtrap(dsn: MailDsn) -> _Get:
    # The sending hosts know no other call: accounts are asked for at the general one.
    is_own = not dsn.host.endswith("api.mailtrap.io")
    url = dsn.api_url("") if dsn.host != "default" and is_own else "https://mailtrap.io"
    return _bearer(dsn, f"{url}/api/accounts")


def _scaleway(dsn: MailDsn) -> _Get:
    project, secret = dsn.pair()
    region = dsn.options.get("region", "fr-par")
    url = dsn.api_url(Scaleway.default_url)
    path = f"/transactional-email/v1alpha1/regions/{region}/domains?project_id={quote(project)}"
    return _Get(url=url + path, headers={"X-Auth-Token": secret})


def _mailpit(dsn: MailDsn) -> _Get:
    auth = dsn.pair() if dsn.user else None
    return _Get(url=f"{dsn.api_url(Mailpit.default_url)}/api/v1/info", auth=auth)


def _bearer(dsn: MailDsn, url: str) -> _Get:
    return _Get(url=url, headers={"Authorization": f"Bearer {dsn.token()}"})


GETS: Mapping[str, Callable[[MailDsn], _Get]] = {
    "postmark": _postmark,
    "sendgrid": _sendgrid,
    "mailgun": _mailgun,
    "ses": _ses,
    "brevo": _brevo,
    "resend": _resend,
    "mailjet": _mailjet,
    "mailtrap": _mailtrap,
    "scaleway": _scaleway,
    "mailpit": _mailpit,
}


def check_provider(dsn_text: str) -> Finding:
    """Ask the provider of one `MAIL_URL` whether it takes our credentials."""
    try:
        dsn = parse_dsn(dsn_text)
        subject = f"provider {dsn.scheme}"
        if dsn.scheme == "mailbox":
            return ok(subject, "emails stay on this machine")
        if dsn.scheme in ("smtp", "smtps"):
            return _check_smtp(dsn, subject)
        if (build := GETS.get(dsn.scheme)) is None:
            return failed(subject, "MAIL_URL names an unknown mail API")
        return _judge(dsn.scheme, subject, _get(build(dsn)))
    except DsnError as error:
        return failed("provider", f"MAIL_URL {error}")
    except requests.RequestException:
        return failed(subject, "no connection: check the address in MAIL_URL and outgoing https")


def _get(get: _Get) -> _Answer:
    with outbound.session(_LIMITS) as session:
        session.auth = get.auth
        response = session.get(get.url, headers={"Accept": "application/json", **get.headers})
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        body = None
    return _Answer(response.status_code, body if isinstance(body, dict) else {})


def _judge(name: str, subject: str, answer: _Answer) -> Finding:
    if 200 <= answer.status < 300:
        return _judge_account(name, subject, answer.body)
    if name == "resend" and answer.body.get("name") == "restricted_api_key":
        return ok(subject, "credentials are valid (the key may only send, as it should)")
    if answer.status == 404 and name == "mailgun":
        return failed(subject, "Mailgun does not know the domain: check domain= and region=")
    if answer.status in (401, 403):
        may_send = (
            " (a key that may only send is refused this check too)" if name == "mailgun" else ""
        )
        return failed(
            subject, f"the credentials in MAIL_URL are refused ({answer.status}){may_send}"
        )
    if answer.status == 429 or answer.status >= 500:
        return warning(subject, f"it answers {answer.status} at present: try again later")
    return failed(subject, f"it answers {answer.status}: check address and options in MAIL_URL")


def _judge_account(name: str, subject: str, body: Mapping[str, Any]) -> Finding:
    """Tell what the account itself says about sending."""
    if name == "ses" and body.get("SendingEnabled") is False:
        return failed(subject, "sending is paused for this account: see the SES console")
    if name == "ses" and body.get("ProductionAccessEnabled") is False:
        return warning(subject, "the account is in the sandbox: ask AWS for production access")
    domain = body.get("domain")
    state = domain.get("state") if name == "mailgun" and isinstance(domain, dict) else None
    if state not in (None, "active"):
        return failed(subject, "the domain is not verified: publish the DNS records Mailgun shows")
    return ok(subject, "credentials are valid")


def _check_smtp(dsn: MailDsn, subject: str) -> Finding:
    is_implicit = dsn.scheme == "smtps"
    port = dsn.port or (465 if is_implicit else 587)
    context = ssl.create_default_context()
    client: SmtpClient | None = None
    try:
        client = SmtpClient(
            dsn.host,
            port,
            deadline=Deadline(TIMEOUT_SECONDS),
            implicit_tls=context if is_implicit else None,
        )
        client.ehlo()
        is_secure = is_implicit
        if not is_secure and dsn.options.get("tls") != "none" and client.has_extn("starttls"):
            client.start_tls(context)
            client.ehlo()
            is_secure = True
        if not dsn.user:
            return ok(subject, "the server answers; no login is set")
        if not is_secure and not is_loopback(dsn.host):
            return failed(subject, "the server offers no TLS, so no password is sent")
        client.login(dsn.user, dsn.password)
        return ok(subject, "the login is valid")
    except smtplib.SMTPAuthenticationError:
        return failed(subject, "the login in MAIL_URL is refused")
    except smtplib.SMTPNotSupportedError:
        return failed(subject, "the server takes no login: remove user and password")
    except ssl.SSLError:
        return failed(subject, "TLS failed: the server's certificate must match its name")
    except (OSError, smtplib.SMTPException):
        return failed(subject, "no connection: check host and port in MAIL_URL")
    finally:
        if client is not None:
            client.close()
