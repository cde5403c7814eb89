"""Who an email is from: a display name and an address, read from one text (RFC 5322, mailbox)."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

from service.domain.address import ENCODED_WORD
from service.domain.errors import SenderError

FORM = (
    "Write it as News Flash <news@example.org>. A name with a comma or other punctuation goes in "
    'quotes: "News, Flash" <news@example.org>.'
)
"""How a sender is written; ends every `SenderError`."""

MAX_NAME_LENGTH = 200
MAX_ADDRESS_LENGTH = 254

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ATOM = re.compile(r'[^\s"(),:;<>@\[\]\\]+')
_ANGLED = re.compile(r"<([^<>]*)>")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_BLANKS = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Sender:
    """Display name, empty where there is none, and bare address, all of it ASCII."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The part behind the at sign."""
        return self.address.rpartition("@")[2]

    @property
    def quoted(self) -> str:
        """Return `"Name" <address>`, the name as it is: for APIs that take the pair as one text."""
        escaped = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{self.address}>' if self.name else self.address


@lru_cache(maxsize=256)
def parse_sender(text: str) -> Sender:
    """Return the sender in `Name <address>`, or in an address alone; raise `SenderError`.

    The name is made of words and quoted texts (RFC 5322, phrase). Comments, groups, a second
    address and encoded words are refused. The domain may be international and is returned in ASCII
    (RFC 5891); it need not be on the Internet: `localhost` is one.
    """
    if _UNPRINTABLE.search(text):
        raise _error("It contains a line break or another control character.")
    line = text.strip()
    if "<" not in line and ">" not in line and '"' not in line:
        return Sender("", sender_address(line))
    name, place = _name(line)
    angled = _ANGLED.match(line, place)
    if angled is None:
        raise _error("Put one < before the address and one > after it.")
    if angled.end() != len(line):
        raise _error("Remove what follows the address.")
    return Sender(name, sender_address(angled[1]))


def sender_address(text: str) -> str:
    """Return the bare address in its ASCII form, or raise `SenderError`."""
    address = text.strip()
    local, at, domain = address.rpartition("@")
    if not at:
        raise _error("It contains no address.")
    if ENCODED_WORD in local or len(local) > 64 or not _LOCAL.fullmatch(local):
        raise _error("The part before the @ is not valid for a sender.")
    try:
        host = idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        raise _error("The part after the @ is not a domain.") from None
    if len(local) + 1 + len(host) > MAX_ADDRESS_LENGTH or host.endswith("."):
        raise _error("The part after the @ is not a domain.")
    return f"{local}@{host}"


def _name(line: str) -> tuple[str, int]:
    """Return the display name at the beginning of a line, and where the `<` behind it is."""
    words: list[str] = []
    place = 0
    while place < len(line) and line[place] != "<":
        if (quoted := _QUOTED.match(line, place)) is not None:
            words.append(re.sub(r"\\(.)", r"\1", quoted[1]))
            place = quoted.end()
        elif (atom := _ATOM.match(line, place)) is not None:
            words.append(atom[0])
            place = atom.end()
        elif line[place] == '"':
            raise _error("A quotation mark is missing at the end of the name.")
        else:
            raise _error(f"Put the name in quotes: it contains a {line[place]}.")
        place = _BLANKS.match(line, place).end()  # type: ignore[union-attr] # matches anywhere
    if place == len(line):
        raise _error("There is no <address> after the name. Put quotes around the name only.")
    name = unicodedata.normalize("NFC", " ".join(words)).strip()
    if ENCODED_WORD in name:
        raise _error("The name is encoded. Write it as people will read it.")
    if len(name) > MAX_NAME_LENGTH:
        raise _error(f"The name is longer than {MAX_NAME_LENGTH} characters.")
    return name, place


def _error(problem: str) -> SenderError:
    return SenderError(f"{problem} {FORM}")
