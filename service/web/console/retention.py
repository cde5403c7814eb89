"""Retention: what goes after how long, and what went."""

from flask import render_template
from flask.typing import ResponseReturnValue

from service.web.console.access.session import signed_in
from service.web.console.blueprint import admin_pages
from service.web.http.context import services


@admin_pages.get("/retention")
@signed_in
def retention() -> ResponseReturnValue:
    """Show the rules and the newest runs that removed something."""
    return render_template("admin/people/retention.html", view=services().retention.show())
