"""Who is signed in, and whether a form comes from our own pages.

The cookie holds the session's secret and nothing else. Under https it is `Secure` and bears the
`__Host-` prefix, so that no neighbouring host can set it. `SameSite=Strict`, the form's own token
and the check of where a POST comes from each keep other sites out by themselves.
"""

import hmac
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from service.domain.access.roles import Role
from service.usecases.access.sessions import SESSION_LIFE, actor_of
from service.web.console.blueprint import admin_pages
from service.web.http.context import services
from service.web.http.security import keep_private, own_origins

COOKIE = "newsflash-admin"
CSRF_FIELD = "csrf_token"

View = TypeVar("View", bound=Callable[..., Any])


def signed_in(view: View) -> View:
    """Let only a session of an administrator through; others are led to the sign-in page.

    A POST needs the session's own token in its form. The view carries its role as `view.auth`.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        secret = _cookie()
        info = services().admin_sessions.find(secret) if secret else None
        if info is None:
            wanted = request.full_path.rstrip("?") if request.method == "GET" else None
            return redirect(url_for("admin.sign_in", next=wanted), code=303)
        g.admin_actor = actor_of(info.key_name, info.person)
        g.admin_csrf = _csrf_token(secret)
        if request.method == "POST":
            given = request.form.get(CSRF_FIELD, "")
            if not hmac.compare_digest(given.encode(), g.admin_csrf.encode()):
                raise Forbidden
        return cast(ResponseReturnValue, view(*args, **kwargs))

    guarded.auth = (Role.ADMIN,)  # type: ignore[attr-defined]
    return cast(View, guarded)


def actor() -> str:
    """Return the name under which the audit log keeps what this request does."""
    return str(g.admin_actor)


def begin_session(response: Response, secret: str) -> Response:
    """Hand a new session to the browser; one that it had before ends, so none can be fixed."""
    services().admin_sessions.end(_cookie())
    response.set_cookie(cookie_name(COOKIE), secret, max_age=SESSION_LIFE, **cookie_scope())
    return response


def end_session(response: Response) -> Response:
    """End the browser's session, here and there."""
    services().admin_sessions.end(_cookie())
    response.delete_cookie(cookie_name(COOKIE), **cookie_scope())
    return response


@admin_pages.before_request
def guard() -> None:
    """Keep every answer out of caches, and refuse a POST that is not from one of our own pages."""
    keep_private()
    if request.method == "POST" and not _is_from_here():
        raise Forbidden


@admin_pages.after_request
def send_origins(response: Response) -> Response:
    """Let our own forms carry their origin: under `no-referrer` it would be `null`."""
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


def cookie_name(name: str) -> str:
    """Return the cookie's name, under https with the prefix that binds it to this very host."""
    return f"__Host-{name}" if _is_https() else name


def cookie_scope(*, samesite: str = "Strict") -> dict[str, Any]:
    """Return to whom the browser may show a cookie of ours: to us, and to no script."""
    return {"path": "/", "secure": _is_https(), "httponly": True, "samesite": samesite}


def local_path(text: str | None) -> str:
    """Return the admin page that `text` names by its path, or else the first one."""
    home = url_for("admin.dashboard")
    if not text or not text.startswith(home) or "\\" in text or not text.isprintable():
        return home
    parts = urlsplit(text)
    below = parts.path[len(home) :]
    is_ours = not parts.scheme and not parts.netloc and below[:1] in ("", "/")
    # A browser takes `%2e` for a dot before it goes there (WHATWG URL, section 4.4).
    is_ours = is_ours and ".." not in unquote(below).split("/") and not below.startswith("//")
    return text if is_ours else home


def _is_from_here() -> bool:
    """Tell whether the browser says that one of our own pages made this request."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    return site == "same-origin" and request.headers.get("Origin", "").lower() in own_origins(
        services().settings.public_url
    )


def _csrf_token(secret: str) -> str:
    """Return what the session's forms carry; it does not tell the secret that it is made from."""
    return hmac.new(secret.encode(), b"csrf", sha256).hexdigest()


def _is_https() -> bool:
    return services().settings.public_url.startswith("https://")


def _cookie() -> str:
    return request.cookies.get(cookie_name(COOKIE), "")
