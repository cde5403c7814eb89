"""Amazon SES v2. https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html"""

import json
import re
from base64 import b64encode
from collections.abc import Sequence

from requests import PreparedRequest

from service.mail.dsn import DsnError, MailDsn
from service.mail.http_api import Answer, HttpApi, HttpOptions, Request, accepted, field
from service.mail.mime import to_message
from service.mail.provider import (
    Mail,
    MisconfiguredError,
    ProviderError,
    SenderRefusedError,
    SendResult,
    TemporaryError,
)

_PATH = "/v2/email/outbound-emails"
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_ERROR = re.compile(r"[A-Za-z]{1,64}")
_ACCOUNT = frozenset({"AccountSuspendedException", "SendingPausedException"})
_SENDER = frozenset({"MailFromDomainNotVerifiedException"})
_UNVERIFIED = "Email address is not verified"
"""How the message of a `MessageRejected` about an identity begins; SES has no code for it. The
identities follow: the sender, or in the sandbox (of a new account) the recipient.
"""
_LATER = frozenset(
    {"LimitExceededException", "TooManyRequestsException", "ThrottlingException", "Throttling"}
)


class _UnverifiedError(SenderRefusedError):
    """An identity of the email is not verified."""

    def __init__(self, said: str) -> None:
        """Keep what SES says, for `AmazonSes.call` to see whose identity it is."""
        super().__init__("ses_MessageRejected")
        self.said = said


class AmazonSes(HttpApi):
    """`SendEmail` with a raw message, one a call, signed by botocore (SigV4). No idempotency key.

    `SendBulkEmail` wants stored templates and does not say that it passes every header on, so it
    is not used: concurrency makes up for it.
    """

    name = "ses"
    batch_size = 1
    takes_utf8 = False

    def __init__(self, dsn: MailDsn, http: HttpOptions) -> None:
        """`ses://KEY_ID:SECRET@default?region=eu-central-1&configuration_set=…`."""
        from botocore.auth import SigV4Auth  # loaded only where SES is used
        from botocore.credentials import Credentials

        dsn.allow("scheme", "region", "configuration_set")
        region = dsn.option("region")
        if not _REGION.fullmatch(region):
            raise DsnError("ses:// needs an AWS region, as in region=eu-central-1")
        self.default_url = f"https://email.{region}.amazonaws.com"
        super().__init__(dsn, http)
        self._configuration_set = dsn.options.get("configuration_set")
        self._signer = SigV4Auth(Credentials(*dsn.pair()), "ses", region)

    def request(self, mails: Sequence[Mail], *, key: str) -> Request:  # noqa: ARG002
        """See `HttpApi.request`."""
        from botocore.awsrequest import AWSRequest

        (mail,) = mails
        payload = {
            "FromEmailAddress": mail.sender.address,
            "Destination": {"ToAddresses": [mail.recipient]},
            "Content": {"Raw": {"Data": b64encode(to_message(mail).as_bytes()).decode()}},
            "EmailTags": [{"Name": "message_id", "Value": str(mail.message_id)}],
        }
        if self._configuration_set is not None:
            payload["ConfigurationSetName"] = self._configuration_set
        body = json.dumps(payload, separators=(",", ":")).encode()
        signed = AWSRequest(
            "POST", self.url + _PATH, data=body, headers={"Content-Type": "application/json"}
        )
        self._signer.add_auth(signed)
        return Request(_PATH, body, dict(signed.headers.items()))

    def call(self, prepared: PreparedRequest, mails: Sequence[Mail]) -> Sequence[SendResult]:
        """See `HttpApi.call`. In the sandbox it is not the sender that is to blame."""
        try:
            return super().call(prepared, mails)
        except _UnverifiedError as error:
            (mail,), said = mails, error.said.lower()
            if mail.recipient.lower() in said and mail.sender.address.lower() not in said:
                raise MisconfiguredError("ses_sandbox") from None
            raise SenderRefusedError(error.code) from None

    def results(self, mails: Sequence[Mail], answer: Answer) -> Sequence[SendResult]:
        """See `HttpApi.results`."""
        (mail,) = mails
        return [accepted(mail, field(answer.json(), "MessageId"))]

    def refusal(self, answer: Answer) -> ProviderError:
        """SES says in a header what is wrong; the status alone is 400 for most of it."""
        name = answer.headers.get("x-amzn-ErrorType", "").partition(":")[0]
        if not _ERROR.fullmatch(name):
            return super().refusal(answer)
        if name in _SENDER:
            return SenderRefusedError(f"ses_{name}")
        said = answer.error_field("message")
        if name == "MessageRejected" and isinstance(said, str) and said.startswith(_UNVERIFIED):
            return _UnverifiedError(said)
        if name in _ACCOUNT:
            return MisconfiguredError(f"ses_{name}")
        error = super().refusal(answer)
        if name in _LATER:
            return TemporaryError(f"ses_{name}", retry_after=error.retry_after)
        return type(error)(f"ses_{name}", retry_after=error.retry_after)
