"""Which providers report, and the one way in to what they report."""

from collections.abc import Mapping

from service.domain.errors import EventAuthError, NotFoundError
from service.mail.events import brevo, mailgun, mailjet, mailtrap, postmark, resend, sendgrid
from service.mail.events.fetch import Fetch, fetch
from service.mail.events.request import EventRequest, ParsedEvents, Parser
from service.mail.events.scaleway import ScalewayEvents
from service.mail.events.ses import SesEvents


class EventParsers:
    """Authenticates and reads each provider's requests.

    Mailpit's webhook tells of email that was received, SMTP and the mailbox have none: for them
    there is nothing to read.
    """

    def __init__(self, secrets: Mapping[str, str], *, get: Fetch = fetch) -> None:
        """`secrets` by provider; `get` fetches what authenticating SNS messages takes."""
        self._secrets = secrets
        self._parsers: Mapping[str, Parser] = {
            "brevo": brevo.parse,
            "mailgun": mailgun.parse,
            "mailjet": mailjet.parse,
            "mailtrap": mailtrap.parse,
            "postmark": postmark.parse,
            "resend": resend.parse,
            "scaleway": ScalewayEvents(get),
            "sendgrid": sendgrid.parse,
            "ses": SesEvents(get),
        }

    def __call__(self, provider: str, request: EventRequest) -> ParsedEvents:
        """Return what the request reports. Raises as `Parser` does, and `NotFoundError` for a
        provider that reports nothing.

        Without a secret nothing can be authentic, so everything is refused.
        """
        parser = self._parsers.get(provider)
        if parser is None:
            raise NotFoundError(provider)
        secret = self._secrets.get(provider)
        if not secret:
            raise EventAuthError(
                f"No secret is set for {provider}: NEWSFLASH_WEBHOOK_SECRET_{provider.upper()}."
            )
        return parser(request, secret)
