"""HTTP in. A view parses, calls one use case, renders: no rule, no query, no commit here."""

from flask import Flask

from service.web.api import api
from service.web.health import health
from service.web.problems import ProblemApi, init_problems

DESCRIPTION = """Newsletter subscriptions with double opt-in.

Every error is a problem document (RFC 9457). Times are ISO 8601 UTC."""


def register_blueprints(app: Flask) -> None:
    """Hang every route, header and error answer on the app."""
    app.config.update(
        API_TITLE="Newsflash",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS={"info": {"description": DESCRIPTION}},
    )
    init_problems(app)
    contract = ProblemApi(app)
    contract.register_blueprint(api)
    app.register_blueprint(health)
