"""The audit log: who did what."""

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.web.admin_pages import admin_pages
from service.web.admin_pages.session import signed_in
from service.web.context import usecases

PAGE = 100


@admin_pages.get("/audit")
@signed_in
def audit() -> ResponseReturnValue:
    """Show what administrators did, newest first."""
    page = usecases().audit.page(limit=PAGE, cursor=request.args.get("cursor"))
    return render_template(
        "admin/audit.html",
        page=page,
        older=url_for("admin.audit", cursor=page.next_cursor) if page.next_cursor else None,
    )
