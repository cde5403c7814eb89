"""Signing in and out."""

from urllib.parse import urlencode, urlsplit

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.web.console.access.oidc import START
from service.web.console.access.session import begin_session, end_session, local_path, signed_in
from service.web.console.blueprint import admin_pages
from service.web.http.context import services

MAX_KEY_LENGTH = 200


@admin_pages.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Ask for an API key, or lead to the identity provider where there is one."""
    return _page(request.args.get("next"))


@admin_pages.post("/sign-in")
def act_on_sign_in() -> ResponseReturnValue:
    """Open a session for a key of role `admin`, or ask again (403)."""
    wanted = request.form.get("next")
    secret = services().admin_sessions.open_with_key(
        request.form.get("key", "")[:MAX_KEY_LENGTH].strip()
    )
    if secret is None:
        return _page(wanted, has_failed=True), 403
    return begin_session(redirect(local_path(wanted), code=303), secret)


@admin_pages.get("/sign-in/<token>")
def sign_in_by_link(token: str) -> ResponseReturnValue:
    """Show the button of a one-time link. The GET itself does not use the link up."""
    services().admin_sessions.check_link(token)
    return render_template("admin/access/sign_in_link.html", token=token)


@admin_pages.post("/sign-in/<token>")
def act_on_link(token: str) -> ResponseReturnValue:
    """Use a one-time link up and open a session."""
    secret = services().admin_sessions.open_with_link(token)
    return begin_session(redirect(url_for("admin.dashboard"), code=303), secret)


@admin_pages.post("/sign-out")
@signed_in
def sign_out() -> ResponseReturnValue:
    """End the session."""
    return end_session(redirect(url_for("admin.sign_in"), code=303))


def _page(wanted: str | None, *, has_failed: bool = False) -> str:
    settings = services().settings
    return render_template(
        "admin/access/sign_in.html",
        next=wanted,
        has_failed=has_failed,
        issuer=urlsplit(settings.oidc.issuer).netloc if settings.oidc else None,
        # The provider sends people back to PUBLIC_URL: only a cookie of that host meets them there.
        oidc_url=settings.public_url
        + START
        + (f"?{urlencode({'next': wanted})}" if wanted else ""),
    )
