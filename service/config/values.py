"""What the text of a setting means. Each function raises `SettingError` for what is not usable."""

import re
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from environs import FileAwareEnv
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from service.config.keys import strong_key
from service.config.names import EVENT_PROVIDERS, RATELIMITS
from service.config.settings import SettingError, Window
from service.domain.address import parse_address
from service.domain.delivery.sender import parse_sender, sender_address
from service.domain.errors import AddressError, SenderError
from service.domain.network import is_loopback

CONSENT_IP_POLICIES = ("none", "truncated", "full")
_URL_CHARS = re.compile(r"[A-Za-z0-9._~:/?#@\[\]!$&'()*+,;=%-]+")  # RFC 3986, appendix A
_OLD_PUBLIC_KEY = re.compile(r"public:[A-Za-z0-9_-]{43}")
_COMMA_BETWEEN_URLS = re.compile(r",\s*[a-z]+:", re.IGNORECASE)
_UNIT_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "month": 30 * 86_400,
    "year": 360 * 86_400,
}
_WINDOW = re.compile(
    rf"\s*([0-9]{{1,9}})\s*(?:/|per)\s*([0-9]{{1,5}})?\s*({'|'.join(_UNIT_SECONDS)})s?\s*",
    re.IGNORECASE,
)
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+")

MAIL_CATCHERS = ("mailpit",)
"""Mail APIs that show what they take and send nothing on."""
PRIVATE_DOMAINS = (".internal", ".local")
"""Names that nobody can own: of private networks, and of the local link (RFC 6762)."""


def is_file(url: URL) -> bool:
    """Tell whether the database is a file (SQLite)."""
    return url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")


def database_url(text: str) -> URL:
    """Return the database's URL with its driver, and an absolute path where it is a file."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingError("DATABASE_URL", "is not a SQLAlchemy URL") from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("postgresql+psycopg", "sqlite", "sqlite+pysqlite"):
        raise SettingError("DATABASE_URL", "must start with sqlite:/// or postgresql+psycopg://")
    if url.get_backend_name() == "sqlite" and not is_file(url):
        raise SettingError("DATABASE_URL", "needs the path of a SQLite file")
    if is_file(url):
        # Relative to where the command was started, for every process that it starts.
        url = url.set(database=str(Path(url.database or "").absolute()))
    return url


def old_receipt_key(key: str) -> str:
    """Return one of `RECEIPT_KEY_FALLBACKS`: an earlier key, or `public:` and a public key."""
    if key.startswith("public:") and not _OLD_PUBLIC_KEY.fullmatch(key):
        raise SettingError("RECEIPT_KEY_FALLBACKS", "needs the form public: and 43 characters")
    return strong_key("RECEIPT_KEY_FALLBACKS", key)


def public_url(text: str) -> str:
    """Return the start of every link, without a slash at its end."""
    return base_url("PUBLIC_URL", text).rstrip("/")


def base_url(name: str, text: str) -> str:
    """Return an http(s) address without query, fragment and password."""
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or not _URL_CHARS.fullmatch(text):
        raise SettingError(name, "needs the form https://host")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise SettingError(name, "must have no query, fragment or password")
    return text


def host_names(text: str) -> tuple[str, ...]:
    """Return host names, separated by blanks or commas."""
    hosts = tuple(text.replace(",", " ").split())
    if not all(_HOST_NAME.fullmatch(host) for host in hosts):
        raise SettingError("ALLOWED_HOSTS", "needs host names without port: web news.internal")
    return hosts


def sender(text: str) -> str:
    """Return the sender of emails."""
    try:
        parse_sender(text)
    except SenderError as error:
        raise SettingError("MAIL_FROM", str(error)) from None
    return text


def is_address(text: str) -> bool:
    """Tell whether this is a bare address, at a host of an internal network too."""
    for parse in (sender_address, parse_address):
        try:
            parse(text)
        except (SenderError, AddressError):
            continue
        return True
    return False


def consent_ip(text: str) -> str:
    """Return what the ledger keeps of an IP address."""
    if text not in CONSENT_IP_POLICIES:
        raise SettingError("CONSENT_IP", f"must be one of {', '.join(CONSENT_IP_POLICIES)}")
    return text


def redis_url(text: str) -> str | None:
    """Return the address of Redis, or None."""
    if text and not text.startswith(("redis://", "rediss://", "unix://")):
        raise SettingError("REDIS_URL", "needs the form redis://host:6379/0")
    return text or None


def within(name: str, value: int, low: int, high: int) -> int:
    """Return the number if it lies in this range, both ends included."""
    if not low <= value <= high:
        raise SettingError(name, f"must be a number from {low} to {high}")
    return value


def ratelimits(env: FileAwareEnv) -> dict[str, tuple[Window, ...]]:
    """Read those of `RATELIMIT_<NAME>` that are given."""
    given = {}
    for name in RATELIMITS:
        text = env.str(f"RATELIMIT_{name.upper()}", "")
        if not text:
            continue
        try:
            found = () if text == "none" else windows(text)
        except ValueError:
            raise SettingError(
                f"RATELIMIT_{name.upper()}", "needs the form 300/minute;3000/hour, or none"
            ) from None
        if any(amount < 1 for amount, _seconds in found):
            raise SettingError(f"RATELIMIT_{name.upper()}", "must allow at least one")
        given[f"ratelimit_{name}"] = found
    return given


def windows(text: str) -> tuple[Window, ...]:
    """Read limits such as `300/minute;3000/hour` or `10 per 5 minutes`. Raises `ValueError`."""
    found = []
    for each in re.split("[;,|]", text):
        parts = _WINDOW.fullmatch(each)
        if parts is None:
            raise ValueError(each)
        amount, times, unit = parts.groups()
        seconds = int(times or 1) * _UNIT_SECONDS[unit.lower()]
        if not seconds:
            raise ValueError(each)
        found.append((int(amount), seconds))
    return tuple(found)


def webhook_secrets(env: FileAwareEnv) -> dict[str, str]:
    """Collect `WEBHOOK_SECRET_<PROVIDER>` by the provider's lower-case name."""
    given = {name: env.str(f"WEBHOOK_SECRET_{name.upper()}", "") for name in EVENT_PROVIDERS}
    return {name: secret for name, secret in given.items() if secret}


def mail_urls(text: str) -> tuple[str, ...]:
    """Return the DSNs, which blanks separate; refuse commas, which a password may hold."""
    if _COMMA_BETWEEN_URLS.search(text):
        raise SettingError("MAIL_URL", "separate several addresses by spaces, not by commas")
    return tuple(text.split())


def mails_the_world(mail_url: str) -> bool:
    """Tell whether a provider can reach real people.

    The mailbox cannot, nor what listens on this computer, nor a mail catcher within a private
    network. A relay there can.
    """
    scheme = mail_url.partition(":")[0].lower()
    if scheme == "mailbox":
        return False
    try:
        host = urlsplit(mail_url).hostname
    except ValueError:
        return True
    is_near = is_loopback(host) or (scheme in MAIL_CATCHERS and _is_private(host))
    return not is_near


def _is_private(host: str | None) -> bool:
    """Tell whether a name or an address is of a private network, as containers have it."""
    if not host:
        return False
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(PRIVATE_DOMAINS)
