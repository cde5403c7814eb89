"""Doctor's checks of the surroundings: Redis, event secrets, proxies, the database server."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from sqlalchemy.engine import URL

from service.config import Settings
from service.domain.finding import Finding, failed, ok, warning
from service.domain.network import is_loopback
from service.store.operations.server_look import ServerLook

MIN_SECRET_CHARACTERS = 16
"""Of a secret that authenticates events: shorter ones can be guessed."""
NO_SECRETS = frozenset({"ses"})
"""Whose setting names what signs, and is no secret itself."""
_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})


def redis(settings: Settings, answers: Callable[[str], str | None]) -> Iterator[Finding]:
    """Say whether Redis counts for all processes; `answers` returns what is wrong, if anything."""
    url = settings.redis_url
    if not settings.ratelimit_enabled:
        return
    if url is None:
        if not settings.is_sqlite:
            yield warning(
                "REDIS_URL",
                "not set, so each web process counts requests by itself and limits are higher than "
                "set: set it if there are several processes",
            )
        return
    if problem := answers(url):
        yield warning(
            "REDIS_URL",
            f"Redis does not answer ({problem}), so each web process counts by itself: "
            "start Redis, or correct REDIS_URL",
        )
    elif not settings.is_sqlite and _is_here(url) and not _is_local(settings.database_url):
        yield warning(
            "REDIS_URL",
            "Redis is on this machine, the database is not: use one Redis for all machines",
        )
    else:
        yield ok("REDIS_URL", "Redis answers")


def event_secrets(settings: Settings, environment: dict[str, str]) -> Iterator[Finding]:
    """Say which secrets for provider events are empty or short."""
    prefix = "NEWSFLASH_WEBHOOK_SECRET_"
    for name in sorted(environment):
        provider = name.removeprefix(prefix).removesuffix("_FILE").lower()
        if name.startswith(prefix) and provider not in settings.webhook_secrets:
            yield failed(
                f"WEBHOOK_SECRET_{provider.upper()}",
                f"empty, so events of {provider} are refused: set it, or remove it",
            )
    for provider, secret in settings.webhook_secrets.items():
        length = len(secret.rpartition(":")[2])
        if provider not in NO_SECRETS and length < MIN_SECRET_CHARACTERS:
            yield failed(
                f"WEBHOOK_SECRET_{provider.upper()}",
                f"{length} characters can be guessed: use at least {MIN_SECRET_CHARACTERS} "
                f"(`openssl rand -hex 32`) here and at {provider}",
            )


def proxies(settings: Settings) -> Iterator[Finding]:
    """Say where TRUSTED_PROXIES cannot be right: `serve` speaks no TLS, so https takes a proxy."""
    has_proxy = urlsplit(settings.public_url).scheme == "https"
    if has_proxy and not settings.trusted_proxies:
        yield warning(
            "TRUSTED_PROXIES",
            "0, but PUBLIC_URL is https, which needs a proxy: request limits count all visitors as "
            "one. Set it to the number of proxies in front",
        )
    elif settings.trusted_proxies:
        yield ok("TRUSTED_PROXIES", f"{settings.trusted_proxies}")


def server(url: URL, look: ServerLook) -> Iterator[Finding]:
    """Say what role, schema and encryption allow at the PostgreSQL server."""
    if look.schema is None:
        yield failed(
            "schema",
            f"role {look.role} has none: GRANT USAGE, CREATE ON SCHEMA public TO {look.role}",
        )
    elif look.foreign_tables:
        yield failed(
            "schema",
            f"{look.foreign_tables} tables belong to {look.foreign_owner}, so {look.role} cannot "
            f"migrate them: REASSIGN OWNED, or use {look.foreign_owner} in DATABASE_URL",
        )
    elif not look.may_create:
        yield failed(
            "schema",
            f"role {look.role} may not create tables in {look.schema}, which migrations need: "
            f"GRANT CREATE ON SCHEMA {look.schema} TO {look.role}",
        )
    else:
        yield ok("schema", f"{look.schema} in {look.database}, used by role {look.role}")
    if not look.has_search_index:
        yield warning(
            "search",
            "without the index of pg_trgm a search for subscribers reads them all: see "
            '"The index of the search" in docs/operating.md',
        )
    if _is_local(url):
        return
    if not look.is_encrypted:
        yield warning(
            "sslmode",
            f"the connection to {url.host} is not encrypted: add ?sslmode=verify-full to "
            "DATABASE_URL unless the network is private",
        )
    elif str(url.query.get("sslmode", "")) not in _ENCRYPTED:
        yield warning(
            "sslmode",
            f"the connection to {url.host} is encrypted, but not required to be: add "
            "?sslmode=verify-full to DATABASE_URL",
        )
    else:
        yield ok("sslmode", f"{url.query['sslmode']} to {url.host}")


def _is_here(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "unix" or is_loopback(parts.hostname or "localhost")


def _is_local(url: URL) -> bool:
    """Tell whether the server is on this machine: a Unix socket, or loopback."""
    host = str(url.host or url.query.get("host", "") or "")
    return not host or host.startswith(("/", "@")) or is_loopback(host)
