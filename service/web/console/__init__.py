"""The pages for administrators under `/admin`: rendered on the server, usable without JavaScript.

A view parses, calls one use case and renders. Whoever asks is signed in by a session cookie
(`session.py`); a form acts only with the session's own token and from our own pages.
"""

from flask import Blueprint

admin_pages = Blueprint("admin", __name__, url_prefix="/admin")

# The views register themselves on the blueprint.
from service.web.console import (  # noqa: E402, F401
    audit,
    dashboard,
    errors,
    held,
    keys,
    list_texts,
    lists,
    mails,
    retention,
    subscribers,
    suppressions,
    tools,
    webhooks,
)
from service.web.console.access import oidc, sign_in  # noqa: E402, F401
from service.web.console.files import export, import_  # noqa: E402, F401
