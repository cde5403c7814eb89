"""HTTP in. A view parses, calls one use case, renders: no rule, no query, no commit here."""

from flask import Flask

from service.web.admin import ADMIN_BLUEPRINTS
from service.web.admin_pages import admin_pages
from service.web.api import api
from service.web.auth import SCHEME, SCHEME_NAME
from service.web.consent_texts_api import consent_texts_api
from service.web.context import usecases
from service.web.contract import contract_pages
from service.web.health import health
from service.web.held_api import held_api
from service.web.hooks import hooks
from service.web.hosts import init_hosts
from service.web.i18n import init_i18n
from service.web.mailbox import mailbox
from service.web.metrics import metrics
from service.web.outbox_api import outbox_api
from service.web.pages import pages
from service.web.pages_contract import describe_pages
from service.web.problems import ProblemApi, init_problems
from service.web.proxies import init_proxies
from service.web.ratelimit import init_ratelimit
from service.web.receipts_api import receipt_keys, receipts_api
from service.web.request_log import init_routes
from service.web.security import init_security
from service.web.text_gate import init_text_gate
from service.web.webhooks_api import webhooks_api

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
    app.url_map.strict_slashes = False  # whoever types `/admin/` means `/admin`
    with app.app_context():
        settings = usecases().settings
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
    describe_pages(app, contract.spec)
    init_ratelimit(app, settings)
