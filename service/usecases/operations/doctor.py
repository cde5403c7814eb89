"""Whether an installation will work: all that can be checked without sending an email."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.config import PREFIX, Settings
from service.domain.delivery.retry import MessageStatus
from service.domain.delivery.sender import parse_sender
from service.domain.errors import IssuerAnswerError, IssuerUnavailableError, SenderError
from service.domain.finding import Finding, failed, ok, warning
from service.domain.network import is_loopback
from service.mail.checks import check_provider
from service.mail.registry import names_in_use
from service.mail.sender_dns import LookUp, check_sender_domain, look_up_txt
from service.oidc.discovery import Discovery
from service.store.database import reading
from service.store.database_clock import is_notable
from service.store.operations.server_look import ServerLook, look_at_server, why_no_connection
from service.store.signup.counters import redis_problem
from service.usecases.lists.lists import Lists
from service.usecases.operations import secrets_at_rest, surroundings
from service.usecases.operations.causes import causes
from service.usecases.operations.database_keys import DatabaseKeys
from service.usecases.operations.health import Health, Readiness
from service.usecases.operations.metrics import Figures

FEEDBACKLESS = frozenset({"mailbox", "mailpit", "smtp", "smtps"})
"""What sends no events of bounces and complaints."""
LOCAL = frozenset({"mailbox", "mailpit"})
"""What hands mail to nobody."""


class Doctor:
    """Looks at configuration, database, providers and DNS. Changes nothing."""

    def __init__(
        self,
        settings: Settings,
        *,
        health: Health,
        keys: DatabaseKeys,
        lists: Lists,
        environment: Mapping[str, str],
        look_up: LookUp = look_up_txt,
        ask_provider: Callable[[str], Finding] = check_provider,
        metrics: Callable[[], Figures] | None = None,
        engine: Engine | None = None,
        redis_problem: Callable[[str], str | None] = redis_problem,
    ) -> None:
        """`environment` says which settings come from files, `metrics` how delivery stands.

        With `engine` the PostgreSQL server is looked at; `redis_problem` says what is wrong with
        the Redis of a URL, if anything.
        """
        self._settings = settings
        self._health = health
        self._keys = keys
        self._lists = lists
        self._environment = environment
        self._look_up = look_up
        self._ask_provider = ask_provider
        self._metrics = metrics
        self._engine = engine
        self._redis_problem = redis_problem
        self._providers = [url.partition(":")[0].lower() for url in settings.mail_urls]

    def __call__(self) -> Iterator[Finding]:
        """Make one check after the other."""
        yield self._public_url()
        yield from self._mail_goes_out()
        yield self._link_key()
        yield from secrets_at_rest.files(self._settings, self._environment)
        readable = True
        for finding in self._database():
            yield finding
            readable = readable and finding.level != "failed"
        for url in self._settings.mail_urls:
            yield self._ask_provider(url)
        if readable:
            yield from self._delivery()
        yield from surroundings.redis(self._settings, self._redis_problem)
        yield from surroundings.proxies(self._settings)
        yield from surroundings.event_secrets(self._settings, dict(self._environment))
        yield from self._feedback()
        yield from self._identity_provider()
        yield from self._senders(read_lists=readable)

    def _public_url(self) -> Finding:
        url = self._settings.public_url
        parts = urlsplit(url)
        if parts.scheme == "https":
            return ok("PUBLIC_URL", url)
        if not is_loopback(parts.hostname):
            return failed("PUBLIC_URL", f"{url} is not https: one-click unsubscribe needs https")
        if set(self._providers) <= LOCAL:
            return ok("PUBLIC_URL", f"{url} (for a trial)")
        return failed(
            "PUBLIC_URL", f"{url} works on this machine only: set the address that people use"
        )

    def _mail_goes_out(self) -> Iterator[Finding]:
        """Warn where visitors are served, but their emails stay on this machine."""
        parts = urlsplit(self._settings.public_url)
        is_public = parts.scheme == "https" or not is_loopback(parts.hostname)
        kept = [name for name in dict.fromkeys(self._providers) if name in LOCAL]
        if is_public and kept:
            yield warning(
                "MAIL_URL",
                f"emails stay here ({', '.join(kept)}), but PUBLIC_URL is public: "
                "set the mail API that sends your emails",
            )

    def _link_key(self) -> Finding:
        if self._is_missing() and not self._is_kept_or_given("SECRET_KEY"):
            return ok("SECRET_KEY", "created at the first start")
        key = self._settings.secret_keys[-1]
        if secrets_at_rest.is_regular(key):
            return failed(
                "SECRET_KEY",
                "not random enough: create a key with `python3 -c 'import secrets; "
                "print(secrets.token_urlsafe(48))'` and put the old one into SECRET_KEY_FALLBACKS",
            )
        return ok("SECRET_KEY", f"{len(key.encode())} bytes")

    def _database(self) -> Iterator[Finding]:
        if self._is_missing():
            yield failed(
                "database",
                f"there is none at {self._settings.database_url.database}: create one with "
                "`newsflash serve` or `newsflash db upgrade`, or correct DATABASE_URL",
            )
            return
        kind = "SQLite" if self._settings.is_sqlite else "PostgreSQL"
        try:
            readiness = self._health.look()
            look = self._look_at_server()
        except SQLAlchemyError as error:
            reason = "does not answer: check DATABASE_URL"
            if not self._settings.is_sqlite:
                reason = f"({self._place()}) {why_no_connection(error)}"
            yield failed("database", f"{kind} {reason}")
            return
        yield ok("database", f"{kind} answers")
        if look is not None:
            yield from surroundings.server(self._settings.database_url, look)
        if readiness.migrations:
            yield ok("migrations", "up to date")
        else:
            yield failed("migrations", "do not match this version: run `newsflash db upgrade`")
            return
        yield from self._database_keys(readiness)
        yield _clock(readiness)

    def _look_at_server(self) -> ServerLook | None:
        if self._engine is None or self._settings.is_sqlite:
            return None
        with reading(self._engine) as connection:
            return look_at_server(connection)

    def _place(self) -> str:
        url = self._settings.database_url
        return f"role {url.username}, database {url.database} at {url.host or 'a Unix socket'}"

    def _database_keys(self, readiness: Readiness) -> Iterator[Finding]:
        """Compare the keys with those that the database was used with."""
        if readiness.wrong_key:
            yield failed("keys", readiness.wrong_key)
            return
        yield ok("keys", "match this database")
        for name in self._keys.behind():
            yield warning(
                name,
                f"other machines already use a newer one: put it into {name}_FALLBACKS here, "
                "or what it signed is not valid on this machine",
            )

    def _is_missing(self) -> bool:
        """Tell whether there is no embedded database yet."""
        settings = self._settings
        return settings.is_sqlite and not Path(settings.database_url.database or "").exists()

    def _is_kept_or_given(self, name: str) -> bool:
        given = {f"{PREFIX}{name}", f"{PREFIX}{name}_FILE"} & self._environment.keys()
        return bool(given) or (self._settings.data_dir / name.lower()).exists()

    def _delivery(self) -> Iterator[Finding]:
        """Report refused senders, failed and queued emails, workers, and what keeps emails back."""
        try:
            figures = self._metrics() if self._metrics is not None else None
        except SQLAlchemyError:
            yield warning("delivery", "not checked: the database could not be read")
            return
        if figures is None:
            return
        for each in figures.refused_senders:
            yield failed(
                f"sender {each.sender}",
                f"{each.provider} refuses it ({each.error}), so its emails wait: "
                f"confirm the address or its domain at {each.provider}, or set another sender",
            )
        if not figures.depths.get(MessageStatus.FAILED, 0):
            yield ok("failed emails", "none")
        if queued := figures.depths.get(MessageStatus.QUEUED, 0):
            yield ok(
                "queued emails",
                f"{queued}, longest waiting {figures.oldest_due_seconds:.0f} s",
            )
        alive = [each for each in figures.workers if each.is_alive(figures.at)]
        for worker in alive:
            yield ok("worker", f"runs on {worker.host}, process {worker.pid}")
        found = causes(
            figures,
            public_url=self._settings.public_url,
            providers=names_in_use(self._settings.mail_urls),
        )
        for cause in found:
            if cause.name in ("sender_refused", "mailbox"):
                continue  # each sender is named above, and MAIL_URL where it is looked at
            if cause.name == "no_worker" and not figures.workers and not cause.is_urgent:
                yield ok(
                    "worker", "none has run yet: start `newsflash serve` or `newsflash worker`"
                )
            else:
                yield (failed if cause.is_urgent else warning)(cause.subject, cause.text)

    def _feedback(self) -> Iterator[Finding]:
        for name in dict.fromkeys(self._providers):
            if name not in FEEDBACKLESS and name not in self._settings.webhook_secrets:
                yield warning(
                    f"events of {name}",
                    f"refused, so bounces are missed: set WEBHOOK_SECRET_{name.upper()} and have "
                    f"{name} post to /v1/events/{name}",
                )

    def _identity_provider(self) -> Iterator[Finding]:
        """Ask the identity provider, where there is one, what it says of itself."""
        if self._settings.oidc is None:
            return
        issuer = self._settings.oidc.issuer
        try:
            Discovery(issuer)()
        except IssuerUnavailableError as error:
            yield failed(
                "OIDC_ISSUER",
                f"{issuer} cannot be reached ({error}): check the address and outgoing https",
            )
        except IssuerAnswerError as error:
            yield failed(
                "OIDC_ISSUER",
                f"{issuer} has no valid OpenID configuration ({error}): check the address",
            )
        else:
            yield ok("OIDC_ISSUER", f"{issuer} answers")

    def _senders(self, *, read_lists: bool) -> Iterator[Finding]:
        """Look at every sender, and at its domain unless mail goes nowhere."""
        given = {"MAIL_FROM": self._settings.mail_from}
        if read_lists:
            try:
                given |= {
                    f"sender of {each.slug}": each.sender
                    for each in self._lists.all()
                    if each.sender
                }
            except SQLAlchemyError:
                yield warning("lists", "senders not checked: the database could not be read")
        domains: dict[str, None] = {}
        for subject, text in given.items():
            try:
                domains[parse_sender(text).domain] = None
            except SenderError as error:
                instead = "" if subject == "MAIL_FROM" else "its emails are sent from MAIL_FROM. "
                yield failed(subject, f"{instead}{error}")
        providers = [name for name in dict.fromkeys(self._providers) if name not in LOCAL]
        for domain in domains if providers else ():
            if "." not in domain:
                yield failed(
                    "MAIL_FROM", f"{domain} is not a domain on the internet: set MAIL_FROM"
                )
                continue
            yield from check_sender_domain(domain, providers, self._look_up)


def _clock(readiness: Readiness) -> Finding:
    ahead = timedelta(seconds=readiness.clock_ahead_seconds)
    if not is_notable(ahead):
        return ok("clock", "matches the database's")
    return warning(
        "clock",
        f"{abs(ahead.total_seconds()):.0f} s {'ahead of' if ahead > timedelta(0) else 'behind'} "
        "the database's, which is used instead: synchronise both machines with NTP",
    )
