"""The pages for administrators under `/admin`: rendered on the server, usable without JavaScript.

A view parses, calls one use case and renders. Whoever asks is signed in by a session cookie
(`session.py`); a form acts only with the session's own token and from our own pages.
"""

from flask import Blueprint

admin_pages = Blueprint("admin", __name__, url_prefix="/admin")

# The views register themselves on the blueprint.
from service.web.admin_pages import (  # noqa: E402, F401
    audit,
    dashboard,
    errors,
    export,
    held,
    import_,
    keys,
    list_texts,
    lists,
    mails,
    oidc,
    retention,
    sign_in,
    subscribers,
    suppressions,
    tools,
    webhooks,
)
