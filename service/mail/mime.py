"""An email as an internet message (RFC 5322), for providers that take one whole.

Every header is written here and parsed by nobody: the standard library would read what looks like
header syntax in a subject, a name or an address (RFC 2047, section 6) and act on it.
"""

import re
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from functools import lru_cache

import idna

from service.domain.address import ENCODED_WORD
from service.mail.provider import Mail

_UTF8 = SMTP.clone(utf8=True)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ATOMS = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*")
_LONGEST_WORD = 900
"""A line has at most 998 octets (RFC 5322, section 2.1.1), and is folded at blanks only."""
_FOLD_FROM = 900


class _Header(str):
    """A header in the form that goes over the wire. What has a name, `email` does not parse."""

    __slots__ = ("name",)
    name: str

    def __new__(cls, name: str, wire: str) -> "_Header":
        """Take one line, or several that begin with a blank; raise `ValueError` for others."""
        if _CONTROL.search(wire.replace("\n ", "")):
            raise ValueError("control character in a header")
        made = super().__new__(cls, wire)
        made.name = name
        return made

    def fold(self, *, policy: Policy) -> str:
        """Return the header's lines as they are."""
        wire = self.replace("\n", policy.linesep)
        return f"{self.name}: {wire}{policy.linesep}"


def one_line(text: str) -> str:
    """Return the text fit for a header: whatever could begin a new line is a blank."""
    return _CONTROL.sub(" ", text).strip()


def phrase(text: str) -> str:
    """Return a name as a phrase (RFC 5322, section 3.2.5) on one line: as it is, quoted or encoded,
    so that every reader of the header gets exactly this text.
    """
    text = one_line(text)
    if not _is_plain(text):
        return Header(text, "utf-8").encode(linesep="")
    if _ATOMS.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unparsed(text: str) -> str:
    """Return a text for an API's JSON that reads the same and holds no encoded word (RFC 2047): the
    API may write it into a header as it is.
    """
    return text.replace(ENCODED_WORD, "=\u2060?")


def wire_address(address: str) -> str:
    """Return the address with its domain in ASCII (RFC 5891), as mail servers look it up."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{_wire_domain(domain)}"


@lru_cache(maxsize=10_000)
def _wire_domain(domain: str) -> str:
    # Most addresses are of few domains, and this is a fifth of what an email costs.
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain


def rfc_message_id(mail: Mail) -> str:
    """Return the `Message-ID` that belongs to the email: the same on every attempt."""
    return f"<{mail.message_id}@{mail.sender.domain}>"


def to_message(mail: Mail) -> EmailMessage:
    """Return the email as a message: plain text and HTML as alternatives, and all headers.

    Names and subjects that are not plain ASCII are encoded (RFC 2047); an address whose local part
    is not ASCII stays as it is and makes the message an RFC 6532 one. The boundary follows from the
    email's id, so the same email gives the same bytes.
    """
    message = EmailMessage(policy=SMTP if mail.recipient.isascii() else _UTF8)
    name, address = phrase(mail.sender.name), mail.sender.address
    headers = {
        "From": f"{name} <{address}>" if name else address,
        "To": mail.recipient,
        "Subject": _folded_text("Subject", mail.subject),
        **({"Date": format_datetime(mail.created_at)} if mail.created_at is not None else {}),
        "Message-ID": rfc_message_id(mail),
        **mail.headers,
    }
    for header, wire in headers.items():
        message[header] = _Header(header, _folded(wire))
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{mail.message_id.hex}")
    return message


def _is_plain(text: str) -> bool:
    """Tell whether the text may stand in a header as it is."""
    longest = max((len(word) for word in text.split(" ")), default=0)
    return text.isascii() and ENCODED_WORD not in text and longest <= _LONGEST_WORD


def _folded_text(name: str, text: str) -> str:
    """Return a text in the form that goes over the wire, folded at 76 columns where that can be."""
    text = one_line(text)
    charset = "us-ascii" if _is_plain(text) else "utf-8"
    return Header(text, charset, header_name=name, maxlinelen=76).encode()


def _folded(wire: str) -> str:
    """Fold a long line between encoded words."""
    return wire if len(wire) < _FOLD_FROM else wire.replace("?= =?", "?=\n =?")
