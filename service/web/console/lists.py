"""Mailing lists: which there are, making and changing them, and how they get onto a page."""

from collections.abc import Mapping
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from service.domain.errors import ConflictError, InvalidInputError
from service.domain.lists.mailing_list import ListInfo
from service.web.console.access.session import actor, signed_in
from service.web.console.blueprint import admin_pages
from service.web.http.context import services
from service.web.middleware.public_path import public_address

_TEXTS = ("name", "description", "controller", "privacy_url", "locale")
_OPTIONAL = ("sender", "redirect_url")


@admin_pages.get("/lists")
@signed_in
def lists() -> ResponseReturnValue:
    """List the mailing lists."""
    return render_template("admin/lists/lists.html", lists=services().lists.all())


@admin_pages.get("/new-list")
@signed_in
def new_list() -> ResponseReturnValue:
    """Show the empty form."""
    return _page(None, {"locale": "en"})


@admin_pages.post("/new-list")
@signed_in
def create_list() -> ResponseReturnValue:
    """Create a list, or show the errors (422)."""
    slug = request.form.get("slug", "").strip()
    try:
        info = services().lists.create(slug=slug, actor=actor(), **_changes())
    except InvalidInputError as error:
        return _page(None, request.form, {error.field: str(error)}), 422
    except ConflictError as error:
        return _page(None, request.form, {"slug": str(error)}), 422
    return redirect(url_for("admin.mailing_list", slug=info.slug, done="created"), code=303)


@admin_pages.get("/lists/<slug>")
@signed_in
def mailing_list(slug: str) -> ResponseReturnValue:
    """Show a list as a form, and how to embed it."""
    info = services().lists.get(slug)
    return _page(info, _values(info))


@admin_pages.post("/lists/<slug>")
@signed_in
def change_list(slug: str) -> ResponseReturnValue:
    """Change a list, or show the errors (422)."""
    try:
        services().lists.update(slug, _changes(), actor=actor())
    except InvalidInputError as error:
        info = services().lists.get(slug)
        return _page(info, request.form, {error.field: str(error)}), 422
    return redirect(url_for("admin.mailing_list", slug=slug, done="saved"), code=303)


def _changes() -> dict[str, Any]:
    """Return the form's fields as the use case takes them."""
    given = {name: " ".join(request.form.get(name, "").split()) for name in _TEXTS + _OPTIONAL}
    changes: dict[str, Any] = {
        name: (text or None) if name in _OPTIONAL else text for name, text in given.items()
    }
    changes["origins"] = request.form.get("origins", "").replace(",", " ").split()
    if "is_default" in request.form:
        changes["is_default"] = True
    return changes


def _values(info: ListInfo) -> dict[str, str]:
    values = {name: getattr(info, name) or "" for name in _TEXTS + _OPTIONAL}
    return {**values, "origins": "\n".join(info.origins)}


def _page(
    info: ListInfo | None, values: Mapping[str, str], errors: Mapping[str, str] | None = None
) -> str:
    done = {"created": _("The list is created."), "saved": _("Saved.")}
    return render_template(
        "admin/lists/list.html",
        info=info,
        values=values,
        errors=errors or {},
        notice=done.get(request.args.get("done", "")) if not errors else None,
        public_address=public_address,
    )
