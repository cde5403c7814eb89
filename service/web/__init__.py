"""HTTP in. A view parses, calls one use case, renders: no rule, no query, no commit here."""

from flask import Flask

from service.web.api import ADMIN_BLUEPRINTS
from service.web.api.consent_texts import consent_texts_api
from service.web.api.events import hooks
from service.web.api.held import held_api
from service.web.api.outbox import outbox_api
from service.web.api.receipts import receipt_keys, receipts_api
from service.web.api.signup import api
from service.web.api.webhooks import webhooks_api
from service.web.console import admin_pages
from service.web.contract.openapi import contract_pages
from service.web.contract.pages import describe_pages
from service.web.health import health
from service.web.http.auth import SCHEME, SCHEME_NAME
from service.web.http.context import services
from service.web.http.i18n import init_i18n
from service.web.http.problems import ProblemApi, init_problems
from service.web.http.ratelimit import init_ratelimit
from service.web.http.security import init_security
from service.web.mailbox import mailbox
from service.web.metrics import metrics
from service.web.middleware.hosts import init_hosts
from service.web.middleware.proxies import init_proxies
from service.web.middleware.request_log import init_routes
from service.web.middleware.text_gate import init_text_gate
from service.web.pages import pages
from service.web.pages.once import init_pages

DESCRIPTION = """Newsletter subscriptions with double opt-in.

Every error is a problem document (RFC 9457). Times are ISO 8601 UTC. A call with a key refuses
query parameters that it does not know."""


def register_blueprints(app: Flask) -> None:
    """Hang every route, header and error answer on the app."""
    app.config.update(
        API_TITLE="Newsflash",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS={"info": {"description": DESCRIPTION}},
    )
    app.url_map.strict_slashes = False  # `/admin/` is `/admin`
    with app.app_context():
        settings = services().settings
    init_routes(app)
    init_problems(app)
    init_proxies(app, settings)
    init_hosts(app, settings)
    init_text_gate(app)
    init_i18n(app)
    init_security(app, public_url=settings.public_url)
    contract = ProblemApi(app)
    contract.spec.components.security_scheme(SCHEME_NAME, SCHEME)
    for blueprint in (
        api,
        hooks,
        outbox_api,
        webhooks_api,
        held_api,
        receipts_api,
        consent_texts_api,
        *ADMIN_BLUEPRINTS,
    ):
        contract.register_blueprint(blueprint)
    for plain in (health, contract_pages, receipt_keys, pages, admin_pages, metrics):
        app.register_blueprint(plain)
    if settings.mail_urls[0].startswith("mailbox:"):
        app.register_blueprint(mailbox)
    init_pages(app)
    describe_pages(app, contract.spec)
    init_ratelimit(app)
