"""What an operator can set: frozen, checked, secrets kept out of the repr."""

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL

PREFIX = "NEWSFLASH_"
Window = tuple[int, int]
"""How many, within how many seconds."""


class SettingError(Exception):
    """A setting is missing or wrong. The message is one line that names it and holds no secret."""

    def __init__(self, name: str, problem: str, *, prefix: str = PREFIX) -> None:
        """Say what is wrong with the setting `name`, which lacks its `prefix`."""
        super().__init__(f"{prefix}{name}: {problem}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """The identity provider that signs administrators in (OpenID Connect), and who may come in."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    admins: tuple[str, ...] = ()
    """Verified addresses that may sign in, in addition to the members of the group."""
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
    """Host names that the service answers to, in addition to `public_url` and loopback."""
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
    access_log: bool = False
    """Whether each request is a line of the log."""
    confirm_days: int = 7
    retention_unconfirmed_days: int = 30
    """Days after which people who never confirmed are erased; 0 is never, as for those below."""
    retention_ended_days: int = 0
    """Days after which people who have left all lists are erased."""
    retention_mail_days: int = 30
    """After how many days settled emails are removed."""
    retention_audit_days: int = 0
    """After how many days entries of the audit log are removed."""
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
