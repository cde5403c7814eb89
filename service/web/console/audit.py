"""The audit log: who did what."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from service.web.console.access.session import signed_in
from service.web.console.blueprint import admin_pages
from service.web.console.tools import next_page
from service.web.http.context import services

PAGE = 100


@admin_pages.get("/audit")
@signed_in
def audit() -> ResponseReturnValue:
    """Show what administrators did, newest first."""
    page = services().audit.page(limit=PAGE, cursor=request.args.get("cursor"))
    return render_template(
        "admin/access/audit.html",
        page=page,
        older=next_page("admin.audit", page),
    )
