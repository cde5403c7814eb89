"""Settings: read once from the environment (prefix `NEWSFLASH_`), checked, then frozen.

Each setting may also come as `NEWSFLASH_<NAME>_FILE`, the path of a file that holds the value, and
from a `.env` file in the working directory (the environment wins).
"""

import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from environs import EnvError, FileAwareEnv
from limits import parse_many
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from service.domain.address import parse_address
from service.domain.errors import AddressError, SenderError
from service.domain.sender import parse_sender, sender_address

PREFIX = "NEWSFLASH_"
MIN_KEY_BYTES = 32
SERVED_ADDRESS = "address"
"""The file, beside the embedded database, that says where the service is served."""
_URL_CHARS = re.compile(r"[A-Za-z0-9._~:/?#@\[\]!$&'()*+,;=%-]+")  # RFC 3986, appendix A
_OLD_PUBLIC_KEY = re.compile(r"public:[A-Za-z0-9_-]{43}")
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+")
Window = tuple[int, int]
RATELIMITS = ("client", "network", "list", "domain", "overall")
CONSENT_IP_POLICIES = ("none", "truncated", "full")


class SettingError(Exception):
    """A setting is missing or wrong. The message is one line that names it and holds no secret."""

    def __init__(self, name: str, problem: str) -> None:
        """Say what is wrong with the setting `name` (without the prefix)."""
        super().__init__(f"{PREFIX}{name}: {problem}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """Who signs administrators in besides ourselves (OpenID Connect), and whom to let in."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    admins: tuple[str, ...] = ()
    """Verified addresses that may come in; besides them, whoever is in the group."""
    admin_group: str | None = None
    group_claim: str = "groups"
    """The claim that lists someone's groups; dots lead into objects: `realm_access.roles`."""
    scopes: str = "openid email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that an operator can set. Secrets stay out of the repr."""

    database_url: URL
    secret_keys: tuple[str, ...] = field(repr=False)
    """Keys that sign links, oldest first: the last one signs, all of them verify."""
    address_hash_key: bytes = field(repr=False)
    receipt_key: str = field(repr=False)
    """Signs consent receipts and checkpoints; `signing.seed_of` says how it becomes a key."""
    receipt_key_fallbacks: tuple[str, ...] = field(default=(), repr=False)
    """Earlier values of it, newest first, or `public:` and the public key alone: they sign nothing,
    and their public keys stay published."""
    public_url: str = "http://127.0.0.1:8000"
    allowed_hosts: tuple[str, ...] = ()
    """Host names, besides that of `public_url` and loopback, under which the service answers."""
    mail_urls: tuple[str, ...] = field(default=("mailbox:",), repr=False)
    mail_from: str = "Newsflash <newsletter@localhost>"
    webhook_secrets: dict[str, str] = field(default_factory=dict, repr=False)
    webhook_allow_private: bool = False
    """Whether outgoing webhooks may go into our own network, and over plain http."""
    redis_url: str | None = field(default=None, repr=False)
    ratelimit_enabled: bool = True
    ratelimit_client: tuple[Window, ...] = ((300, 60), (3000, 3600))
    """Signups of one IPv4 address, or one /64 of IPv6: (how many, within seconds). A hall full of
    people shares an address."""
    ratelimit_network: tuple[Window, ...] = ((1500, 60), (15_000, 3600))
    """Of one /24, or one /48 of IPv6."""
    ratelimit_list: tuple[Window, ...] = ((30_000, 60),)
    ratelimit_domain: tuple[Window, ...] = ((20_000, 60),)
    """Of one domain of recipients; ten times as many for the large mailbox providers."""
    ratelimit_overall: tuple[Window, ...] = ((60_000, 60),)
    trusted_proxies: int = 0
    confirm_days: int = 7
    retention_unconfirmed_days: int = 30
    """After how many days whoever never confirmed is erased; 0 is never, as for those below."""
    retention_ended_days: int = 0
    """After how many days whoever left all lists is erased."""
    retention_mail_days: int = 30
    """After how many days settled mails, and what providers said of them, are removed."""
    unknown_grace_seconds: int = 30
    """How long a call of unknown outcome rests before its mails may go out a second time."""
    consent_ip: str = "truncated"
    data_dir: Path = Path("var")
    """Folder of what the embedded default keeps: database, keys, mailbox."""
    oidc: OidcSettings | None = None
    bind_host: str = "127.0.0.1"
    """Address on which `serve` listens."""

    @property
    def is_sqlite(self) -> bool:
        """Tell whether the database is the embedded one."""
        return self.database_url.get_backend_name() == "sqlite"


def load_settings() -> Settings:
    """Read and check all settings; raise `SettingError` for the first that is not usable.

    On the embedded default (SQLite) missing keys are made once and kept beside the database with
    mode 0600; elsewhere every process must be given the same ones.
    """
    env = FileAwareEnv(prefix=PREFIX, strip_whitespace=True)
    env.read_env(str(Path.cwd() / ".env"), recurse=False)
    try:
        url = _database_url(env.str("DATABASE_URL", "") or "sqlite:///var/newsflash.db")
        data_dir = Path(url.database or "").parent if _is_file(url) else Path("var")
        keys_in = data_dir if url.get_backend_name() == "sqlite" else None
        fallbacks = env.str("SECRET_KEY_FALLBACKS", "").replace(",", " ").split()
        return Settings(
            database_url=url,
            secret_keys=(
                *(_strong("SECRET_KEY_FALLBACKS", key) for key in reversed(fallbacks)),
                _key("SECRET_KEY", env.str("SECRET_KEY", ""), keys_in),
            ),
            address_hash_key=_key(
                "ADDRESS_HASH_KEY", env.str("ADDRESS_HASH_KEY", ""), keys_in
            ).encode(),
            receipt_key=_key("RECEIPT_KEY", env.str("RECEIPT_KEY", ""), keys_in),
            receipt_key_fallbacks=tuple(
                _old_receipt_key(key)
                for key in env.str("RECEIPT_KEY_FALLBACKS", "").replace(",", " ").split()
            ),
            public_url=_public_url(
                env.str("PUBLIC_URL", "") or _served_address(keys_in) or "http://127.0.0.1:8000"
            ),
            allowed_hosts=_hosts(env.str("ALLOWED_HOSTS", "")),
            mail_urls=tuple(env.str("MAIL_URL", "").split()) or ("mailbox:",),
            mail_from=_sender(env.str("MAIL_FROM", "") or "Newsflash <newsletter@localhost>"),
            webhook_secrets=_webhook_secrets(env),
            webhook_allow_private=env.bool("WEBHOOK_ALLOW_PRIVATE", False),
            redis_url=_redis_url(env.str("REDIS_URL", "")),
            ratelimit_enabled=env.bool("RATELIMIT_ENABLED", True),
            **_ratelimits(env),
            trusted_proxies=_within("TRUSTED_PROXIES", env.int("TRUSTED_PROXIES", 0), 0, 10),
            confirm_days=_within("CONFIRM_DAYS", env.int("CONFIRM_DAYS", 7), 1, 365),
            retention_unconfirmed_days=_within(
                "RETENTION_UNCONFIRMED_DAYS", env.int("RETENTION_UNCONFIRMED_DAYS", 30), 0, 36_500
            ),
            retention_ended_days=_within(
                "RETENTION_ENDED_DAYS", env.int("RETENTION_ENDED_DAYS", 0), 0, 36_500
            ),
            retention_mail_days=_within(
                "RETENTION_MAIL_DAYS", env.int("RETENTION_MAIL_DAYS", 30), 0, 36_500
            ),
            unknown_grace_seconds=_within(
                "UNKNOWN_GRACE_SECONDS", env.int("UNKNOWN_GRACE_SECONDS", 30), 0, 86_400
            ),
            consent_ip=_policy(env.str("CONSENT_IP", "") or "truncated"),
            data_dir=data_dir,
            oidc=_oidc(env),
            bind_host=env.str("BIND_HOST", "") or "127.0.0.1",
        )
    except EnvError as error:
        name, _, problem = str(error).removeprefix('Environment variable "').partition('" ')
        raise SettingError(name.removeprefix(PREFIX), problem or "is not usable") from None
    except (ValueError, OSError):  # how environs reports a file that cannot be read
        unreadable = _unreadable_file()
        if unreadable is None:
            raise
        raise SettingError(unreadable.removeprefix(PREFIX), "is not a readable text file") from None


def _unreadable_file() -> str | None:
    """Return the first variable that names a file which is not readable text."""
    for name, path in sorted(os.environ.items()):
        if name.startswith(PREFIX) and name.endswith("_FILE"):
            try:
                Path(path).read_text()
            except (ValueError, OSError):
                return name
    return None


def _is_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")


def _database_url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingError("DATABASE_URL", "is not a SQLAlchemy URL") from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("postgresql+psycopg", "sqlite", "sqlite+pysqlite"):
        raise SettingError("DATABASE_URL", "starts with sqlite:/// or postgresql+psycopg://")
    if url.get_backend_name() == "sqlite" and not _is_file(url):
        raise SettingError("DATABASE_URL", "needs the path of a SQLite file")
    if _is_file(url):
        # Relative to where the command was started, for every process that it starts.
        url = url.set(database=str(Path(url.database or "").absolute()))
    return url


def _strong(name: str, key: str) -> str:
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise SettingError(name, "is not UTF-8 text") from None
    if size < MIN_KEY_BYTES:
        raise SettingError(name, f"needs at least {MIN_KEY_BYTES} bytes")
    return key


def _old_receipt_key(key: str) -> str:
    if key.startswith("public:") and not _OLD_PUBLIC_KEY.fullmatch(key):
        raise SettingError("RECEIPT_KEY_FALLBACKS", "needs the form public: and 43 characters")
    return _strong("RECEIPT_KEY_FALLBACKS", key)


def _key(name: str, given: str, keys_in: Path | None) -> str:
    """Return the key given, else the kept one, made at first need where keys may be kept."""
    if given:
        return _strong(name, given)
    if keys_in is None:
        raise SettingError(name, "is required with PostgreSQL (at least 32 random bytes)")
    try:
        return _strong(name, _kept_key(keys_in, name.lower()))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise SettingError(name, f"cannot be kept in {keys_in}: {reason}") from None


def _kept_key(folder: Path, name: str) -> str:
    path = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
    if not path.exists():
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(fresh, path)  # the first of several processes wins, and the rest read its key
        fresh.unlink()
    return path.read_text().strip()


def keep_served_address(settings: Settings) -> None:
    """Keep where the service is served, on the embedded default, for commands run beside it."""
    if settings.is_sqlite:
        with suppress(OSError):  # a command that does not find it takes the usual address
            (settings.data_dir / SERVED_ADDRESS).write_text(settings.public_url)


def _served_address(folder: Path | None) -> str:
    try:
        return (folder / SERVED_ADDRESS).read_text().strip() if folder else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _public_url(text: str) -> str:
    return _base_url("PUBLIC_URL", text).rstrip("/")


def _base_url(name: str, text: str) -> str:
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or not _URL_CHARS.fullmatch(text):
        raise SettingError(name, "needs the form https://host")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise SettingError(name, "has no query, fragment or password")
    return text


def is_loopback(host: str | None) -> bool:
    """Tell whether the host name or address means this computer."""
    if host is None:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(text.replace(",", " ").split())
    if not all(_HOST_NAME.fullmatch(host) for host in hosts):
        raise SettingError("ALLOWED_HOSTS", "needs host names without port: web news.internal")
    return hosts


def _sender(text: str) -> str:
    try:
        parse_sender(text)
    except SenderError as error:
        raise SettingError("MAIL_FROM", str(error)) from None
    return text


def _is_address(text: str) -> bool:
    """Tell whether this is a bare address, at a host of an internal network too."""
    for parse in (sender_address, parse_address):
        try:
            parse(text)
        except (SenderError, AddressError):
            continue
        return True
    return False


def _policy(text: str) -> str:
    if text not in CONSENT_IP_POLICIES:
        raise SettingError("CONSENT_IP", f"is one of {', '.join(CONSENT_IP_POLICIES)}")
    return text


def _redis_url(text: str) -> str | None:
    if text and not text.startswith(("redis://", "rediss://", "unix://")):
        raise SettingError("REDIS_URL", "needs the form redis://host:6379/0")
    return text or None


def _ratelimits(env: FileAwareEnv) -> dict[str, tuple[Window, ...]]:
    """Read those of `RATELIMIT_<NAME>` that are given, in the notation of `limits`."""
    given = {}
    for name in RATELIMITS:
        text = env.str(f"RATELIMIT_{name.upper()}", "")
        if not text:
            continue
        try:
            found = [] if text == "none" else parse_many(text)
        except ValueError:
            raise SettingError(
                f"RATELIMIT_{name.upper()}", "needs the form 300/minute;3000/hour, or none"
            ) from None
        if any(item.amount < 1 for item in found):
            raise SettingError(f"RATELIMIT_{name.upper()}", "lets at least one through")
        given[f"ratelimit_{name}"] = tuple((item.amount, item.get_expiry()) for item in found)
    return given


def _within(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise SettingError(name, f"is a number from {low} to {high}")
    return value


def _webhook_secrets(env: FileAwareEnv) -> dict[str, str]:
    """Collect `WEBHOOK_SECRET_<PROVIDER>` (or its `_FILE`) by the provider's lower-case name."""
    start = f"{PREFIX}WEBHOOK_SECRET_"
    names = {name.removesuffix("_FILE") for name in os.environ if name.startswith(start)}
    return {name.removeprefix(start).lower(): env.str(name.removeprefix(PREFIX)) for name in names}


def _oidc(env: FileAwareEnv) -> OidcSettings | None:
    """Read the `OIDC_` settings: those that are needed, or none at all."""
    names = ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "ADMINS", "ADMIN_GROUP")
    given = {name: env.str(f"OIDC_{name}", "") for name in (*names, "GROUP_CLAIM", "SCOPES")}
    if not any(given.values()):
        return None
    for name in names[:3]:
        if not given[name]:
            raise SettingError(f"OIDC_{name}", "is required where another OIDC_ setting is given")
    admins = tuple(given["ADMINS"].replace(",", " ").split())
    if not admins and not given["ADMIN_GROUP"]:
        raise SettingError("OIDC_ADMINS", "is required, or OIDC_ADMIN_GROUP: who may come in")
    if not all(_is_address(admin) for admin in admins):
        raise SettingError("OIDC_ADMINS", "needs addresses: ada@example.org, ben@example.org")
    issuer = _base_url("OIDC_ISSUER", given["ISSUER"])
    parts = urlsplit(issuer)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise SettingError("OIDC_ISSUER", "needs https, unless it is on this computer")
    scopes = given["SCOPES"].split() or ["openid", "email"]
    if "openid" not in scopes:
        raise SettingError("OIDC_SCOPES", "needs openid among them: openid email groups")
    return OidcSettings(
        issuer=issuer,
        client_id=given["CLIENT_ID"],
        client_secret=given["CLIENT_SECRET"],
        admins=admins,
        admin_group=given["ADMIN_GROUP"] or None,
        group_claim=given["GROUP_CLAIM"] or "groups",
        scopes=" ".join(scopes),
    )
