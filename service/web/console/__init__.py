"""The pages for administrators under `/admin`: rendered on the server, usable without JavaScript.

A view parses, calls one use case and renders. Administrators are signed in by a session cookie
(`access/session.py`); a form acts only with the session's own token and from our own pages.
"""

from service.web.console import (
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
from service.web.console.access import oidc, sign_in
from service.web.console.blueprint import admin_pages
from service.web.console.files import export, import_

__all__ = [
    "admin_pages",
    "audit",
    "dashboard",
    "errors",
    "export",
    "held",
    "import_",
    "keys",
    "list_texts",
    "lists",
    "mails",
    "oidc",
    "retention",
    "sign_in",
    "subscribers",
    "suppressions",
    "tools",
    "webhooks",
]
