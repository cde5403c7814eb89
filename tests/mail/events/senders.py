"""Each provider as the sender of events: its secret, its signature with keys of our own."""

import hmac
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook

from service.domain.errors import UnavailableError
from service.mail.events.request import EventRequest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "correct-horse"
RESEND_SECRET = "whsec_" + b64encode(b"0123456789abcdef01234567").decode()
EC_KEY = ec.generate_private_key(ec.SECP256R1())
SENDGRID_SECRET = b64encode(
    EC_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
TOPIC = "arn:aws:sns:eu-central-1:123456789012:newsflash"
SCALEWAY_TOPIC = "arn:scw:sns:fr-par:project-8c8bfa06:newsflash"
CERTIFICATE_URL = (
    "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-9c6465fa7f48.pem"
)
SUBSCRIBE_URL = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=abc"
SCALEWAY_CERTIFICATE_URL = "https://messaging.s3.fr-par.scw.cloud/fr-par/sns/sns_certificate_1.crt"
SCALEWAY_CHAIN_URL = "https://messaging.s3.fr-par.scw.cloud/fr-par/sns/sns-trust-chain.pem"
SCALEWAY_SUBSCRIBE_URL = "https://sns.mnq.fr-par.scaleway.com/?Action=ConfirmSubscription&Token=a"


def request(body: bytes | str, *, at: datetime = NOW, **headers: str) -> EventRequest:
    """A request with header names as keywords."""
    return EventRequest(
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=body.encode() if isinstance(body, str) else body,
        received_at=at,
    )


def dumps(payload: Any) -> str:
    return payload if isinstance(payload, str) else json.dumps(payload)


def with_secret(payload: Any) -> EventRequest:
    credentials = b64encode(f"events:{SECRET}".encode()).decode()
    return request(dumps(payload), authorization=f"Basic {credentials}")


def sendgrid(payload: Any, *, at: datetime = NOW, key: Any = EC_KEY) -> EventRequest:
    body, stamp = dumps(payload), str(int(at.timestamp()))
    signature = key.sign((stamp + body).encode(), ec.ECDSA(SHA256()))
    return request(
        body,
        x_twilio_email_event_webhook_signature=b64encode(signature).decode(),
        x_twilio_email_event_webhook_timestamp=stamp,
    )


def mailgun(
    payload: Any, *, at: datetime = NOW, secret: str = SECRET, token: str = "t" * 50
) -> EventRequest:
    if isinstance(payload, str):
        return request(payload)
    stamp = str(int(at.timestamp()))
    signature = hmac.new(secret.encode(), (stamp + token).encode(), sha256).hexdigest()
    signed = {"timestamp": stamp, "token": token, "signature": signature}
    return request(json.dumps({"signature": signed, "event-data": payload}))


def mailtrap(payload: Any, *, secret: str = SECRET) -> EventRequest:
    body = dumps(payload)
    signature = hmac.new(secret.encode(), body.encode(), sha256).hexdigest()
    return request(body, mailtrap_signature=signature)


def resend(payload: Any, *, at: datetime = NOW, secret: str = RESEND_SECRET) -> EventRequest:
    body = dumps(payload)
    return request(
        body,
        svix_id="msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
        svix_timestamp=str(int(at.timestamp())),
        svix_signature=Webhook(secret).sign("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", at, body),
    )


@dataclass
class Authority:
    """Signs like SNS, and serves what a receiver fetches from it."""

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    issuer_key: rsa.RSAPrivateKey | None = None
    valid_for: timedelta = timedelta(days=365)
    fetched: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def certificate(self, name: str = "sns.amazonaws.com", issuer: str | None = None) -> bytes:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(issuer or name))
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + self.valid_for)
            .sign(self.issuer_key or self.key, SHA256())
            .public_bytes(Encoding.PEM)
        )

    def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        if url not in self.files:
            raise UnavailableError("http_404")
        return self.files[url]

    def sign(self, message: dict[str, str]) -> dict[str, str]:
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token"]
        if message["Type"] == "Notification":
            names = ["Message", "MessageId", "Subject", "Timestamp"]
        lines = [
            f"{name}\n{message[name]}\n" for name in [*names, "TopicArn", "Type"] if name in message
        ]
        is_first = message["SignatureVersion"] == "1"
        hashed = SHA1() if is_first else SHA256()  # noqa: S303 - version 1 is defined so
        signature = self.key.sign("".join(lines).encode(), PKCS1v15(), hashed)
        return {**message, "Signature": b64encode(signature).decode()}

    def message(self, payload: Any, **changes: str) -> dict[str, str]:
        plain = {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": TOPIC,
            "Subject": "Amazon SES Email Event Notification",
            "Message": dumps(payload),
            "Timestamp": "2026-03-01T11:59:58.655Z",
            "SignatureVersion": "2",
            "SigningCertURL": CERTIFICATE_URL,
            "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe",
        }
        return self.sign(plain | changes)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def aws() -> Authority:
    made = Authority()
    made.files = {CERTIFICATE_URL: made.certificate(), SUBSCRIBE_URL: b"<ok/>"}
    return made


def scaleway() -> Authority:
    root = Authority()
    made = Authority(issuer_key=root.key)
    made.files = {
        SCALEWAY_CERTIFICATE_URL: made.certificate("sns", issuer="root"),
        SCALEWAY_CHAIN_URL: Authority().certificate("other") + root.certificate("root"),
        SCALEWAY_SUBSCRIBE_URL: b"<ok/>",
    }
    return made


AWS = aws()
SCALEWAY = scaleway()


def ses(payload: Any) -> EventRequest:
    return request(json.dumps(AWS.message(payload)))


def tem(payload: Any) -> EventRequest:
    message = SCALEWAY.message(
        payload, TopicArn=SCALEWAY_TOPIC, SigningCertURL=SCALEWAY_CERTIFICATE_URL
    )
    return request(json.dumps(message))


def get(url: str) -> bytes:
    """Fetch from whichever authority the address belongs to."""
    return (SCALEWAY if "sc" in url.partition("/?")[0].partition("//")[2] else AWS).fetch(url)


SECRETS = {
    "brevo": SECRET,
    "mailgun": SECRET,
    "mailjet": SECRET,
    "mailtrap": SECRET,
    "postmark": SECRET,
    "resend": RESEND_SECRET,
    "scaleway": SCALEWAY_TOPIC,
    "sendgrid": SENDGRID_SECRET,
    "ses": TOPIC,
}
SENDERS: dict[str, Callable[[Any], EventRequest]] = {
    "brevo": with_secret,
    "mailgun": mailgun,
    "mailjet": with_secret,
    "mailtrap": mailtrap,
    "postmark": with_secret,
    "resend": resend,
    "scaleway": tem,
    "sendgrid": sendgrid,
    "ses": ses,
}
