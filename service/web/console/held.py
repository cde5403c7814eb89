"""Signups held for review: approve or discard them."""

from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from service.domain.signup.risk import Reason
from service.web.console.access.session import actor, signed_in
from service.web.console.blueprint import admin_pages
from service.web.console.tools import next_page
from service.web.http.context import services

PAGE = 50


@admin_pages.get("/held")
@signed_in
def held() -> ResponseReturnValue:
    """Show held signups, newest first."""
    page = services().held.page(limit=PAGE, cursor=request.args.get("cursor"))
    done = {
        "released": _("Approved. The confirmation email is on its way."),
        "dropped": _("The signup is discarded."),
    }
    return render_template(
        "admin/people/held.html",
        found=page.items,
        reasons=_reasons(),
        older=next_page("admin.held", page),
        notice=done.get(request.args.get("done", "")),
    )


def _reasons() -> dict[Reason, str]:
    """Return each reason in words."""
    return {
        Reason.TRAP: _("honeypot filled"),
        Reason.PACE: _("many signups from one address"),
        Reason.NETWORK: _("many signups from one network"),
        Reason.DISPOSABLE: _("disposable email address"),
        Reason.FORM_MISSING: _("form token missing"),
        Reason.FORM_TOO_FAST: _("form sent too fast"),
        Reason.FORM_FORGED: _("form token forged"),
        Reason.USER_AGENT: _("not a browser"),
    }


@admin_pages.post("/held/<uuid:held_id>/release")
@signed_in
def release_held(held_id: UUID) -> ResponseReturnValue:
    """Take the signup as if it were made now."""
    services().held.release(held_id, actor=actor())
    return redirect(url_for("admin.held", done="released"), code=303)


@admin_pages.post("/held/<uuid:held_id>/drop")
@signed_in
def drop_held(held_id: UUID) -> ResponseReturnValue:
    """Discard the signup."""
    services().held.drop(held_id, actor=actor())
    return redirect(url_for("admin.held", done="dropped"), code=303)
