"""A mail as an internet message (RFC 5322), for providers that take one whole."""

import re
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from functools import lru_cache

import idna

from service.mail.provider import Mail


class _WholeHeader(UnstructuredHeader, BaseHeader):
    """A header that stays on one line: the stdlib would encode a link too long for 78 columns."""

    def fold(self, *, policy: Policy) -> str:
        """Return the header's line; it stays far below the 998 octets of RFC 5322."""
        if self.isascii():
            return f"{self.name}: {self}{policy.linesep}"
        return super().fold(policy=policy)


_headers = HeaderRegistry()
for _name in ("message-id", "list-id", "list-unsubscribe"):
    _headers.map_to_type(_name, _WholeHeader)
_ASCII = SMTP.clone(header_factory=_headers)
_UTF8 = _ASCII.clone(utf8=True)
_SENDER = re.compile(r"(?P<name>.*?) *<(?P<address>[^<>]+)>")
_ESCAPED = re.compile(r"\\(.)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: str) -> str:
    """Return the text fit for a header: whatever could begin a new line is a blank."""
    return _CONTROL.sub(" ", text).strip()


def split_sender(sender: str) -> tuple[str, str]:
    """Return display name (may be empty) and address of `Name <address>`.

    The name may hold what RFC 5322 wants quoted, such as a comma, with or without the quotes.
    """
    line = one_line(sender)
    parts = _SENDER.fullmatch(line)
    if parts is None:
        return "", wire_address(line)
    name = parts["name"]
    if len(name) > 1 and name.startswith('"') and name.endswith('"'):
        name = _ESCAPED.sub(r"\1", name[1:-1])
    return name, wire_address(parts["address"])


@lru_cache(maxsize=256)
def quoted_sender(sender: str) -> str:
    """Return `"Name" <address>` with the name as it is, for APIs that take the pair as one text."""
    name, address = split_sender(sender)
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>' if name else address


def wire_address(address: str) -> str:
    """Return the address with its domain in ASCII (RFC 5891), as mail servers look it up."""
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        return address


def rfc_message_id(mail: Mail) -> str:
    """Return the `Message-ID` that belongs to the mail: the same on every attempt."""
    domain = split_sender(mail.sender)[1].rpartition("@")[2]
    return f"<{mail.message_id}@{domain or 'localhost'}>"


def to_message(mail: Mail) -> EmailMessage:
    """Return the mail as a message: plain text and HTML as alternatives, every header in its place.

    Names and subjects that are not ASCII are encoded (RFC 2047); an address whose local part is not
    ASCII stays as it is and makes the message an RFC 6532 one. The boundary follows from the
    mail's id, so the same mail gives the same bytes.
    """
    is_ascii = mail.recipient.isascii() and split_sender(mail.sender)[1].isascii()
    message = EmailMessage(policy=_ASCII if is_ascii else _UTF8)
    name, address = split_sender(mail.sender)
    message["From"] = Address(name, addr_spec=address) if address.isascii() else mail.sender
    message["To"] = mail.recipient
    message["Subject"] = one_line(mail.subject)
    if mail.created_at is not None:
        message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = rfc_message_id(mail)
    for header, value in mail.headers.items():
        message[header] = one_line(value)
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{mail.message_id.hex}")
    return message
