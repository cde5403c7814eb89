"""The web app: `create_app` puts routes and middleware on top of the use cases."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from service.config import Settings, load_settings
from service.counting import POOL_LIMIT, numbers
from service.log import configure_logging
from service.services import Services
from service.store.database import (
    connections_at_most,
    connections_used,
    engine_options,
    prepare_engine,
)
from service.store.tables.base import db
from service.web import register_blueprints
from service.web.contract.openapi import contract_yaml
from service.web.http.context import EXTENSION, services_of
from service.web.middleware.lanes import alive_paths, lane_of
from service.web.middleware.public_path import PublicPath, public_path
from service.web.middleware.request_log import RequestLog

__all__ = ["alive_paths", "contract_yaml", "create_app", "lane_of", "services_of"]

MAX_BODY_BYTES = 256 * 1024
MAX_FORM_BYTES = 64 * 1024


_Function = TypeVar("_Function", bound=Callable[..., Any])


class _App(Flask):
    """Flask without what it looks at for each request and is always the same here."""

    def ensure_sync(self, func: _Function) -> _Function:
        """Return the function: no view and no hook is a coroutine."""
        return func


def create_app(settings: Settings | None = None) -> Flask:
    """Return the WSGI app. Without `settings` they are read from the environment.

    Connects to nothing yet. Raises `service.config.SettingError` where a setting is not usable.
    """
    settings = settings or load_settings()
    configure_logging()
    app = _App("service", static_folder="web/static", template_folder="web/templates")
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url),
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        PROPAGATE_EXCEPTIONS=False,
    )
    db.init_app(app)
    with app.app_context():
        engine = db.engine
    prepare_engine(engine)
    numbers.set((POOL_LIMIT,), connections_at_most(engine))
    services = app.extensions[EXTENSION] = Services(settings, engine)
    services.build_for_web()
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
    return app
