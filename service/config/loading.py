"""Reads and checks all settings; where keys may be created is the caller's to say."""

from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from environs import EnvError

from service.config.environment import is_given, read_environment
from service.config.keys import MissingKey, kept_key, refuse_key, strong_key
from service.config.oidc import oidc_settings
from service.config.settings import PREFIX, SettingError, Settings
from service.config.values import (
    consent_ip,
    database_url,
    host_names,
    mail_urls,
    mails_the_world,
    old_receipt_key,
    public_url,
    ratelimits,
    redis_url,
    sender,
    webhook_secrets,
    within,
)
from service.domain.network import is_loopback

SERVED_ADDRESS = "address"
"""The file, beside the embedded database, that says where the service is served."""
EMBEDDED_DATABASE = "sqlite:///var/newsflash.db"
_NEEDED = {
    "PUBLIC_URL": "the address that people reach, such as https://news.example.org",
    "MAIL_FROM": "the sender, such as News Flash <news@example.org>",
    "MAIL_URL": "the mail API, such as postmark://TOKEN@default (mailbox: sends nothing)",
}
"""What has a default for trying out only."""


def load_settings(*, missing_key: MissingKey = refuse_key) -> Settings:
    """Read and check all settings; raise `SettingError` for the first that is not usable.

    With the embedded database (SQLite) keys are kept beside it; `missing_key` says what to do
    where one is not there. With PostgreSQL every process must be given the same ones.
    """
    env = read_environment()
    try:
        url = database_url(env.str("DATABASE_URL", EMBEDDED_DATABASE))
        is_embedded = url.get_backend_name() == "sqlite"
        data_dir = Path(url.database or "").parent if is_embedded else Path("var")

        def key(name: str) -> str:
            if given := env.str(name, ""):
                return strong_key(name, given)
            if not is_embedded:
                raise SettingError(name, "is required with PostgreSQL (at least 32 random bytes)")
            return kept_key(name, url, missing_key)

        secret_key, address_hash_key, receipt_key = map(
            key, ("SECRET_KEY", "ADDRESS_HASH_KEY", "RECEIPT_KEY")
        )
        fallbacks = _words(env.str("SECRET_KEY_FALLBACKS", ""))
        settings = Settings(
            database_url=url,
            secret_keys=(
                *(strong_key("SECRET_KEY_FALLBACKS", old) for old in reversed(fallbacks)),
                secret_key,
            ),
            address_hash_key=address_hash_key.encode(),
            receipt_key=receipt_key,
            receipt_key_fallbacks=tuple(
                old_receipt_key(old) for old in _words(env.str("RECEIPT_KEY_FALLBACKS", ""))
            ),
            public_url=public_url(
                env.str("PUBLIC_URL", "")
                or _served_address(data_dir if is_embedded else None)
                or "http://127.0.0.1:8000"
            ),
            allowed_hosts=host_names(env.str("ALLOWED_HOSTS", "")),
            mail_urls=mail_urls(env.str("MAIL_URL", "mailbox:")),
            mail_from=sender(env.str("MAIL_FROM", "Newsflash <newsletter@localhost>")),
            webhook_secrets=webhook_secrets(env),
            webhook_allow_private=env.bool("WEBHOOK_ALLOW_PRIVATE", False),
            redis_url=redis_url(env.str("REDIS_URL", "")),
            ratelimit_enabled=env.bool("RATELIMIT_ENABLED", True),
            **ratelimits(env),
            trusted_proxies=within("TRUSTED_PROXIES", env.int("TRUSTED_PROXIES", 0), 0, 10),
            access_log=env.bool("ACCESS_LOG", False),
            confirm_days=within("CONFIRM_DAYS", env.int("CONFIRM_DAYS", 7), 1, 365),
            retention_unconfirmed_days=within(
                "RETENTION_UNCONFIRMED_DAYS", env.int("RETENTION_UNCONFIRMED_DAYS", 30), 0, 36_500
            ),
            retention_ended_days=within(
                "RETENTION_ENDED_DAYS", env.int("RETENTION_ENDED_DAYS", 0), 0, 36_500
            ),
            retention_mail_days=within(
                "RETENTION_MAIL_DAYS", env.int("RETENTION_MAIL_DAYS", 30), 0, 36_500
            ),
            retention_audit_days=within(
                "RETENTION_AUDIT_DAYS", env.int("RETENTION_AUDIT_DAYS", 0), 0, 36_500
            ),
            unknown_grace_seconds=within(
                "UNKNOWN_GRACE_SECONDS", env.int("UNKNOWN_GRACE_SECONDS", 30), 0, 86_400
            ),
            consent_ip=consent_ip(env.str("CONSENT_IP", "truncated")),
            data_dir=data_dir,
            oidc=oidc_settings(env),
            bind_host=env.str("BIND_HOST", "127.0.0.1"),
        )
    except EnvError as error:
        name, _, problem = str(error).removeprefix('Environment variable "').partition('" ')
        raise SettingError(name.removeprefix(PREFIX), problem or "is invalid") from None
    _require_what_is_needed(settings)
    return settings


def _require_what_is_needed(settings: Settings) -> None:
    """Raise `SettingError` where emails could go out with a default that is for trying out."""
    if not settings.is_sqlite:
        reason = "with PostgreSQL"
    elif any(mails_the_world(url) for url in settings.mail_urls):
        reason = "with a mail API"
    elif not is_loopback(urlsplit(settings.public_url).hostname):
        reason = "with a PUBLIC_URL that others can reach"
    else:
        return
    for name, what in _NEEDED.items():
        if not is_given(name):
            raise SettingError(name, f"is required {reason}: {what}")


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


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
