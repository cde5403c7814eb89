"""Suppressions: which addresses are not to be mailed, adding one, lifting one."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from service.domain.errors import AddressError
from service.domain.person import SuppressionInfo
from service.domain.subscription import SuppressionReason
from service.usecases.paging import Page
from service.usecases.people.suppressions import MAX_NOTE_LENGTH
from service.web.console.access.session import actor, signed_in
from service.web.console.blueprint import admin_pages
from service.web.console.tools import next_page
from service.web.http.context import services

PAGE = 50


@admin_pages.get("/suppressions")
@signed_in
def suppressions() -> ResponseReturnValue:
    """Show the suppressions, or those of one address."""
    email = request.args.get("email", "").strip()
    try:
        page = services().suppressions.page(
            limit=PAGE, cursor=request.args.get("cursor"), email=email or None
        )
    except AddressError as error:
        return _page(services().suppressions.page(limit=PAGE), search_error=str(error)), 422
    return _page(page)


@admin_pages.post("/suppressions")
@signed_in
def add_suppression() -> ResponseReturnValue:
    """Suppress an address, or show the errors (422)."""
    note = " ".join(request.form.get("note", "").split())[:MAX_NOTE_LENGTH]
    try:
        services().suppressions.add(
            request.form.get("email", "").strip(), note=note or None, actor=actor()
        )
    except AddressError as error:
        return _page(services().suppressions.page(limit=PAGE), error=str(error)), 422
    return redirect(url_for("admin.suppressions", done="added"), code=303)


@admin_pages.post("/suppressions/lift")
@signed_in
def lift_suppression() -> ResponseReturnValue:
    """Let an address be mailed again, as far as one reason goes."""
    reason = request.form.get("reason", "")
    services().suppressions.lift(
        request.form.get("address_hash", ""),
        SuppressionReason(reason) if reason in set(SuppressionReason) else SuppressionReason.MANUAL,
        actor=actor(),
    )
    return redirect(url_for("admin.suppressions", done="lifted"), code=303)


def _page(
    page: Page[SuppressionInfo], *, error: str | None = None, search_error: str | None = None
) -> str:
    done = {
        "added": _("The address is suppressed."),
        "lifted": _("The suppression is removed."),
    }
    return render_template(
        "admin/people/suppressions.html",
        page=page,
        searched=request.args.get("email", ""),
        values=request.form,
        errors={"email": error} if error else {},
        search_error=search_error,
        next_page=next_page("admin.suppressions", page),
        notice=done.get(request.args.get("done", "")),
    )
