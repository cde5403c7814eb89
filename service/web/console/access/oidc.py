"""Signing in by way of an identity provider: there, and back again.

The way back comes from another site, so the cookie that waits for it is `SameSite=Lax`, lives for
ten minutes and is used once. The session's own cookie is `Strict`: a redirect from here would
still count as coming from there and go without it, so a page of ours leads on instead.
"""

from typing import TYPE_CHECKING

from flask import Response, after_this_request, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from service.services.administrators import OIDC_CALLBACK
from service.web.console.access.session import begin_session, cookie_name, cookie_scope, local_path
from service.web.console.blueprint import admin_pages
from service.web.http.context import services
from service.web.http.ratelimit import limited

if TYPE_CHECKING:
    from service.usecases.access.oidc_sign_in import OidcSignIn

START = "/admin/oidc"
COOKIE = "newsflash-sign-in"
MAX_WANTED_LENGTH = 1000


@admin_pages.get(START.removeprefix(str(admin_pages.url_prefix)))
@limited
def oidc_begin() -> ResponseReturnValue:
    """Send the browser to the provider. Nothing is kept here; any page may link to it."""
    wanted = request.args.get("next", "")
    begun = _sign_in().begin(local_path(wanted if len(wanted) <= MAX_WANTED_LENGTH else None))
    response = redirect(begun.address, code=303)
    response.set_cookie(
        cookie_name(COOKIE), begun.token, max_age=begun.life, **cookie_scope(samesite="Lax")
    )
    return response


@admin_pages.get(OIDC_CALLBACK.removeprefix(str(admin_pages.url_prefix)))
@limited
def oidc_callback() -> ResponseReturnValue:
    """Open a session for whom the provider sends back, and lead on to the page asked for."""
    sign_in = _sign_in()
    after_this_request(_forget_attempt)
    opened = sign_in.finish(request.cookies.get(cookie_name(COOKIE), ""), request.args)
    page = make_response(
        render_template("admin/access/signed_in.html", wanted=local_path(opened.wanted))
    )
    return begin_session(page, opened.secret)


def _forget_attempt(response: Response) -> Response:
    response.delete_cookie(cookie_name(COOKIE), **cookie_scope(samesite="Lax"))
    # The address holds the code, used up by now.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _sign_in() -> "OidcSignIn":
    found = services().oidc_sign_in
    if found is None:
        raise NotFound
    return found
