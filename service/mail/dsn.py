"""`MAIL_URL`: one line that names a mail API, its credentials, its address and its options.

    scheme://user:password@host:port/prefix?option=value

The host `default` is the API's own address; any other replaces it, over https
unless `?scheme=http` says otherwise.
User and password are percent-decoded (RFC 3986, section 2.1).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

_DSN = re.compile(r"(?P<scheme>[a-z][a-z0-9.+-]*):", re.IGNORECASE)
_RATE = re.compile(r"[0-9]{1,5}(\.[0-9]{1,4})?")
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")


RATE = "rate"
"""The option that bounds the calls a second."""


class DsnError(ValueError):
    """A `MAIL_URL` that is not usable. The message is one sentence without any of its secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailDsn:
    """A parsed `MAIL_URL`. What may be secret stays out of the repr."""

    scheme: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    host: str = ""
    """`default`, a name or an address (IPv6 without brackets); empty: none is needed."""
    port: int | None = None
    path: str = ""
    """Path prefix of the API, without a slash at its end."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def token(self) -> str:
        """Return the user part, the API key of most; raise `DsnError` where it is missing."""
        return self._secret(self.user, "the API key")

    def pair(self) -> tuple[str, str]:
        """Return user and password; raise `DsnError` where one is missing."""
        return (
            self._secret(self.user, "the first half of the credentials"),
            self._secret(self.password, "the second half of the credentials"),
        )

    def option(self, name: str) -> str:
        """Return an option's value, or raise `DsnError` where it is missing."""
        if not (value := self.options.get(name)):
            raise DsnError(f"{self.scheme}:// needs ?{name}=…")
        return value

    def calls_a_second(self) -> float | None:
        """Return the option `rate`, which every API has; raise `DsnError` for what is no rate."""
        if (text := self.options.get(RATE)) is None:
            return None
        if not _RATE.fullmatch(text) or not 0.01 <= float(text) <= 10_000:
            raise DsnError(f"{self.scheme}:// takes ?{RATE}= calls per second, 0.01 to 10000")
        return float(text)

    def allow(self, *names: str) -> None:
        """Raise `DsnError` for the first option that is not one of these: a typo must not pass."""
        for name in self.options:
            if name not in (*names, RATE):
                known = ", ".join((*names, RATE))
                raise DsnError(f"{self.scheme}:// has an unknown option (known: {known})")

    def api_url(self, default: str) -> str:
        """Return the API's address without a slash at its end: `default`, or the DSN's own host."""
        scheme = self.options.get("scheme", "https")
        if scheme not in ("http", "https"):
            raise DsnError(f"{self.scheme}:// takes ?scheme=http or ?scheme=https")
        if self.host == "default":
            if self.port or self.path or "scheme" in self.options:
                raise DsnError(f"{self.scheme}://…@default takes no port, path or scheme")
            return default
        if not self.host:
            raise DsnError(f"{self.scheme}:// needs a host, or @default for the API's own address")
        return f"{scheme}://{self.authority()}{self.path}"

    def authority(self) -> str:
        """Return `host` or `host:port` as a URL wants it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def _secret(self, value: str, what: str) -> str:
        if not value:
            raise DsnError(f"{self.scheme}:// lacks {what} before the @")
        if not value.isascii() or _UNSAFE.search(value):
            raise DsnError(f"{self.scheme}:// has characters in {what} that no header can carry")
        return value


def parse_dsn(text: str) -> MailDsn:
    """Return the parts of one DSN, or raise `DsnError`.

    A `#` or a `/` in a password has to be percent-encoded, as in any URL.
    """
    text = text.strip()
    scheme = _DSN.match(text)
    if scheme is None:
        raise DsnError("starts with a mail API's name, as in postmark://TOKEN@default")
    name = scheme["scheme"].lower()
    if _UNSAFE.search(text):
        raise DsnError(f"{name}:// contains a space or a control character")
    try:
        parts = urlsplit(text)
        port = parts.port
        pairs = parse_qsl(
            parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), max_num_fields=20
        )
    except ValueError:  # its text may repeat the credentials
        raise DsnError(f"{name}:// is not a URL: percent-encode what is special in it") from None
    if parts.fragment:
        raise DsnError(f"{name}:// contains a #: write it as %23")
    options = dict(pairs)
    if len(options) != len(pairs):
        raise DsnError(f"{name}:// has an option twice")
    return MailDsn(
        scheme=name,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        host=parts.hostname or "",
        port=port,
        path=parts.path.rstrip("/"),
        options=options,
    )
