"""The composition root: `create_app` chooses every implementation and hands each what it uses."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from alembic.script import ScriptDirectory
from disposable_email_domains import blocklist
from flask import Flask
from flask_migrate import Migrate
from sqlalchemy import Engine
from werkzeug.middleware.proxy_fix import ProxyFix

from service.config import SettingError, Settings, Window, load_settings
from service.counting import POOL_LIMIT, numbers
from service.domain.access.admission import AdmissionRule, plain_address
from service.domain.delivery.feedback import SOFT_BOUNCE_PERIOD
from service.domain.signup.limits import Limit, Limits
from service.domain.subscription import CODE_LIFE_MAX
from service.log import configure_logging
from service.mail.events.registry import EventParsers
from service.mail.provider import Provider
from service.mail.registry import account_names, build_provider
from service.oidc.provider import IdentityProvider
from service.services import Services
from service.signing import Signer, earlier_public_key, seed_of
from service.store.database import (
    connections_at_most,
    connections_used,
    engine_options,
    looking_options,
    prepare_engine,
    prepare_looking,
)
from service.store.delivery.signal import MailSignal
from service.store.signup.counters import Counters, MemoryCounters, RedisCounters
from service.store.tables.base import db
from service.tokens import Tokens
from service.usecases.access.audit import Audit
from service.usecases.access.keys import Keys
from service.usecases.access.oidc_sign_in import OidcSignIn
from service.usecases.access.sessions import AdminSessions, forget_ended_sessions
from service.usecases.delivery.deliver import Deliver, MailSettings
from service.usecases.delivery.outbox import Outbox
from service.usecases.delivery.providers import GuardedProvider, ProviderPool
from service.usecases.feedback import MATCH_EVERY_SECONDS, Feedback
from service.usecases.files.export import Export
from service.usecases.files.import_subscribers import Import
from service.usecases.files.manifests import Exports
from service.usecases.ledger.receipts import Receipts
from service.usecases.ledger.seal import SealLedger
from service.usecases.links.confirm import Confirm, forget_code_tries
from service.usecases.links.unsubscribe import Unsubscribe
from service.usecases.lists.consent_texts import ConsentTexts
from service.usecases.lists.lists import Lists
from service.usecases.operations.chores import Chore
from service.usecases.operations.database_keys import DatabaseKeys, given_keys
from service.usecases.operations.health import Health
from service.usecases.operations.heartbeat import BEAT_EVERY_SECONDS, Heartbeat
from service.usecases.operations.metrics import Metrics
from service.usecases.operations.statistics import Statistics
from service.usecases.people.end_subscription import EndSubscription
from service.usecases.people.retention import Retention, RetentionRules
from service.usecases.people.subscribers import Subscribers
from service.usecases.people.suppressions import Suppressions
from service.usecases.signup.extra_step import ExtraStep
from service.usecases.signup.guard import Guard
from service.usecases.signup.held import HeldSignups
from service.usecases.signup.idempotency import Idempotency
from service.usecases.signup.intake import Intake
from service.usecases.signup.status import SignupStatus
from service.usecases.signup.subscribe import Subscribe
from service.usecases.webhooks.deliver import LOOK_EVERY_SECONDS, DeliverWebhooks
from service.usecases.webhooks.receivers import Webhooks
from service.web import register_blueprints
from service.web.console.access.oidc import CALLBACK
from service.web.http import context
from service.web.middleware.public_path import PublicPath, public_path
from service.web.middleware.request_log import RequestLog
from service.webhooks.call import Call

SIGNAL = "newsflash_signal"
"""Key in `app.extensions` of what tells other processes of due mail."""

WEBHOOKS_AT_ONCE = 64

MIGRATIONS = Path(__file__).parent.parent / "migrations"
MAX_BODY_BYTES = 256 * 1024
MAX_FORM_BYTES = 64 * 1024
FORGET_EVERY_SECONDS = 3600.0
SEAL_EVERY_SECONDS = 1.0

migrate = Migrate(directory=str(MIGRATIONS), compare_type=True)


def create_app(settings: Settings | None = None, *, only_looks: bool = False) -> Flask:
    """Return the WSGI app. Without `settings` they are read from the environment.

    With `only_looks` the embedded database stays as it is, to the byte, and so do the files beside
    it. Raises `service.config.SettingError` where a setting is not usable.
    """
    settings = settings or load_settings()
    looks = only_looks and settings.is_sqlite
    configure_logging()
    app = Flask("service", static_folder="web/static", template_folder="web/templates")
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=looking_options(Path(settings.database_url.database or ""))
        if looks
        else engine_options(settings.database_url),
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        PROPAGATE_EXCEPTIONS=False,
    )
    db.init_app(app)
    migrate.init_app(app, db)
    with app.app_context():
        engine = db.engine
    (prepare_looking if looks else prepare_engine)(engine)
    mail_signal = app.extensions[SIGNAL] = MailSignal(engine)
    app.extensions[context.EXTENSION] = build_services(engine, settings, mail_is_due=mail_signal)
    register_blueprints(app)
    app.wsgi_app = PublicPath(  # type: ignore[method-assign]
        app.wsgi_app, public_path(settings.public_url), app.url_map
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    app.wsgi_app = RequestLog(  # type: ignore[method-assign]
        app.wsgi_app,
        trusts_id=settings.trusted_proxies > 0,
        logs_access=settings.access_log,
        connections_used=connections_used(engine),
    )
    numbers.set((POOL_LIMIT,), connections_at_most(engine))
    return app


def build_services(
    engine: Engine, settings: Settings, *, mail_is_due: Callable[[], None]
) -> Services:
    """Build every use case of the web service on one engine; `mail_is_due` wakes delivery."""
    tokens = Tokens.from_keys(settings.secret_keys)
    database_keys = DatabaseKeys(engine, given_keys(settings))
    lists = Lists(engine)
    texts = ConsentTexts(engine, lists=lists)
    keys = Keys(engine)
    admin_sessions, oidc_sign_in = build_sign_in(engine, settings, keys=keys, tokens=tokens)
    subscribe = Subscribe(
        engine, lists=lists, texts=texts, tokens=tokens.status, mail_is_due=mail_is_due
    )
    return Services(
        settings=settings,
        lists=lists,
        consent_texts=texts,
        guard=build_guard(settings, lists=lists, tokens=tokens),
        subscribe=subscribe,
        intake=Intake(subscribe, once=Idempotency(engine), steps=ExtraStep(tokens.step)),
        held=HeldSignups(engine, lists=lists, mail_is_due=mail_is_due),
        signup_status=SignupStatus(
            engine, lists=lists, tokens=tokens.status, mail_urls=settings.mail_urls
        ),
        confirm=Confirm(
            engine,
            lists=lists,
            texts=texts,
            tokens=tokens,
            address_hash_key=settings.address_hash_key,
            confirm_days=settings.confirm_days,
            mail_is_due=mail_is_due,
        ),
        unsubscribe=Unsubscribe(engine, lists=lists, tokens=tokens),
        receipts=Receipts(
            engine,
            lists=lists,
            tokens=tokens.receipt,
            signer=Signer(seed_of(settings.receipt_key)),
            earlier_keys=[earlier_public_key(key) for key in settings.receipt_key_fallbacks],
        ),
        feedback=build_feedback(engine, settings),
        keys=keys,
        subscribers=Subscribers(engine, lists=lists, address_hash_key=settings.address_hash_key),
        suppressions=Suppressions(engine, address_hash_key=settings.address_hash_key),
        export=Export(
            engine, lists=lists, tokens=tokens.unsubscribe, public_url=settings.public_url
        ),
        exports=Exports(engine),
        retention=build_retention(engine, settings),
        import_=Import(engine, lists=lists, address_hash_key=settings.address_hash_key),
        audit=Audit(engine),
        admin_sessions=admin_sessions,
        oidc_sign_in=oidc_sign_in,
        statistics=Statistics(engine, lists=lists),
        end_subscription=EndSubscription(engine, lists=lists),
        webhooks=Webhooks(engine, lists=lists, allow_private=settings.webhook_allow_private),
        outbox=Outbox(
            engine, lists=lists, confirm_days=settings.confirm_days, mail_is_due=mail_is_due
        ),
        metrics=Metrics(engine, mail_urls=settings.mail_urls),
        database_keys=database_keys,
        health=Health(
            engine,
            keys=database_keys,
            expected_revision=ScriptDirectory(str(MIGRATIONS)).get_current_head(),
        ),
    )


def build_sign_in(
    engine: Engine, settings: Settings, *, keys: Keys, tokens: Tokens
) -> tuple[AdminSessions, OidcSignIn | None]:
    """Build what lets administrators in, by an identity provider too where there is one."""
    oidc = settings.oidc
    if oidc is None:
        return AdminSessions(engine, keys=keys, tokens=tokens.admin_link), None
    rule = AdmissionRule(
        admins=frozenset(plain_address(address) for address in oidc.admins),
        group=oidc.admin_group,
        group_claim=oidc.group_claim,
    )
    sessions = AdminSessions(
        engine,
        keys=keys,
        tokens=tokens.admin_link,
        admission=rule.fingerprint(issuer=oidc.issuer, client_id=oidc.client_id),
    )
    provider = IdentityProvider(oidc, redirect_uri=settings.public_url + CALLBACK)
    return sessions, OidcSignIn(provider, rule=rule, tokens=tokens.sign_in, sessions=sessions)


def build_guard(settings: Settings, *, lists: Lists, tokens: Tokens) -> Guard:
    """Build what counts and judges signups; a wrong `REDIS_URL` is a `SettingError`."""

    def limits(windows: tuple[Window, ...]) -> tuple[Limit, ...]:
        return tuple(Limit(amount, seconds) for amount, seconds in windows)

    counters: Counters = MemoryCounters()
    if settings.redis_url is not None:
        try:
            counters = RedisCounters(settings.redis_url)
        except ValueError:
            raise SettingError("REDIS_URL", "needs the form redis://host:6379/0") from None
        except ImportError:
            raise SettingError("REDIS_URL", "needs the extra: newsflash[redis]") from None
    return Guard(
        counters,
        limits=Limits(
            client=limits(settings.ratelimit_client),
            network=limits(settings.ratelimit_network),
            mailing_list=limits(settings.ratelimit_list),
            domain=limits(settings.ratelimit_domain),
            overall=limits(settings.ratelimit_overall),
        ),
        lists=lists,
        tokens=tokens.form,
        is_disposable=blocklist.__contains__,
        is_enabled=settings.ratelimit_enabled,
    )


def build_feedback(engine: Engine, settings: Settings) -> Feedback:
    """Build what takes the reports of mail APIs, and matches those that wait."""
    return Feedback(
        engine,
        address_hash_key=settings.address_hash_key,
        parse=EventParsers(settings.webhook_secrets),
    )


def build_chores(engine: Engine, settings: Settings, *, heartbeat: Heartbeat) -> list[Chore]:
    """Build what a worker does besides delivering mail."""
    tell = build_deliver_webhooks(engine, settings)
    return [
        Chore(name="heartbeat", run=heartbeat.run, every_seconds=BEAT_EVERY_SECONDS),
        Chore(
            name="match feedback",
            run=build_feedback(engine, settings).match_waiting,
            every_seconds=MATCH_EVERY_SECONDS,
        ),
        Chore(
            name="tell webhooks",
            run=partial(tell.run_due, WEBHOOKS_AT_ONCE),
            run_until=tell.run,
            every_seconds=LOOK_EVERY_SECONDS,
        ),
        Chore(
            name="forget webhook calls",
            run=tell.forget_old,
            every_seconds=FORGET_EVERY_SECONDS,
        ),
        Chore(
            name="forget held signups",
            run=HeldSignups(engine, lists=Lists(engine), mail_is_due=lambda: None).purge,
            every_seconds=FORGET_EVERY_SECONDS,
        ),
        Chore(
            name="forget wrong codes",
            run=partial(forget_code_tries, engine, confirm_days=settings.confirm_days),
            every_seconds=FORGET_EVERY_SECONDS,
        ),
        Chore(
            name="forget idempotency keys",
            run=Idempotency(engine).purge,
            every_seconds=FORGET_EVERY_SECONDS,
        ),
        Chore(
            name="forget ended sessions",
            run=partial(forget_ended_sessions, engine),
            every_seconds=FORGET_EVERY_SECONDS,
        ),
        Chore(
            name="apply retention",
            run=heartbeat.noting_retention(build_retention(engine, settings).run_as_chore),
            every_seconds=FORGET_EVERY_SECONDS,
        ),
        Chore(
            name="seal ledger",
            run=build_seal_ledger(engine, settings).run_once,
            every_seconds=SEAL_EVERY_SECONDS,
        ),
    ]


def build_retention(engine: Engine, settings: Settings) -> Retention:
    """Build what removes that which has been kept long enough."""
    unconfirmed, mails = settings.retention_unconfirmed_days, settings.retention_mail_days
    return Retention(
        engine,
        rules=RetentionRules(
            # Nobody goes while the link in their mail still works.
            unconfirmed_days=unconfirmed and max(unconfirmed, settings.confirm_days),
            ended_days=settings.retention_ended_days,
            # Nor does an email while wrong codes on its page, or soft bounces of it, count.
            mail_days=mails
            and max(
                mails,
                2 * min(settings.confirm_days, CODE_LIFE_MAX.days),
                SOFT_BOUNCE_PERIOD.days,
            ),
            audit_days=settings.retention_audit_days,
        ),
        address_hash_key=settings.address_hash_key,
    )


def build_seal_ledger(engine: Engine, settings: Settings) -> SealLedger:
    """Build what gives consent events their place in the ledger."""
    return SealLedger(
        engine,
        signer=Signer(seed_of(settings.receipt_key)),
        texts=ConsentTexts(engine, lists=Lists(engine)),
    )


def build_providers(settings: Settings) -> list[Provider]:
    """Build the mail APIs of `MAIL_URL`, in order of preference; a bad one is a `ValueError`."""
    return [
        build_provider(url, mailbox_dir=settings.data_dir / "mailbox") for url in settings.mail_urls
    ]


def build_provider_pool(settings: Settings) -> ProviderPool:
    """Build the mail APIs behind their breakers; a wrong `MAIL_URL` is a `SettingError`."""
    try:
        named = zip(build_providers(settings), account_names(settings.mail_urls), strict=True)
        return ProviderPool([GuardedProvider(provider, name=name) for provider, name in named])
    except ValueError as error:
        raise SettingError("MAIL_URL", str(error).removeprefix("MAIL_URL ")) from None


def build_deliver(
    engine: Engine, settings: Settings, *, pool: ProviderPool | None = None
) -> Deliver:
    """Build delivery on the given engine. Raises `SettingError` where `MAIL_URL` is wrong."""
    return Deliver(
        engine,
        pool=pool if pool is not None else build_provider_pool(settings),
        lists=Lists(engine),
        tokens=Tokens.from_keys(settings.secret_keys),
        settings=MailSettings(
            public_url=settings.public_url,
            sender=settings.mail_from,
            confirm_days=settings.confirm_days,
            address_hash_key=settings.address_hash_key,
            unknown_grace=timedelta(seconds=settings.unknown_grace_seconds),
        ),
    )


def build_deliver_webhooks(engine: Engine, settings: Settings) -> DeliverWebhooks:
    """Build the delivery of events to webhooks on the given engine."""
    return DeliverWebhooks(engine, call=Call(allow_private=settings.webhook_allow_private))
