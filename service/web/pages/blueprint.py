"""The blueprint that the pages for visitors register themselves on, and what all of them share."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, request, url_for
from flask_babel import get_locale

from service.web.http.security import csp_nonce, keep_private

STATIC = Path(__file__).parent.parent / "static"

pages = Blueprint("pages", __name__)


@cache
def _fingerprint(filename: str) -> str:
    return hashlib.sha256((STATIC / filename).read_bytes()).hexdigest()[:12]


def asset(filename: str) -> str:
    """Return the address of a static file; it changes with the file, so browsers may keep it."""
    return url_for("static", filename=filename, v=_fingerprint(filename))


@pages.app_context_processor
def template_tools() -> dict[str, object]:
    """Hand every template what it needs to name its parts."""
    return {"asset": asset, "csp_nonce": csp_nonce, "page_locale": get_locale}


@pages.before_request
def guard_tokens() -> None:
    """Keep every answer to a link, errors too, out of caches and search engines."""
    if "token" in (request.view_args or {}):
        keep_private()


@pages.after_app_request
def keep_assets(response: Response) -> Response:
    """Let browsers keep a static file that was asked for by its fingerprint."""
    if request.endpoint == "static" and "v" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
