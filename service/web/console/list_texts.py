"""A list's consent texts: which words each version has, who agreed to which, adding the next."""

from collections.abc import Mapping

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from marshmallow import ValidationError

from service.domain.errors import InvalidInputError
from service.domain.lists.consent_text import MAX_TEXT_LENGTH
from service.schemas.errors import field_errors
from service.schemas.lists import ConsentTextCreateSchema
from service.web.console.access.session import actor, signed_in
from service.web.console.blueprint import admin_pages
from service.web.http.context import services


@admin_pages.get("/lists/<slug>/consent-texts")
@signed_in
def list_texts(slug: str) -> ResponseReturnValue:
    """Show every version with its words, newest first."""
    return _page(slug)


@admin_pages.post("/lists/<slug>/consent-texts")
@signed_in
def add_list_text(slug: str) -> ResponseReturnValue:
    """Add the next version, or show the errors (422)."""
    given = {
        "text": request.form.get("text", "").replace("\r\n", "\n").strip(),
        "locale": request.form.get("locale", "").strip() or services().lists.get(slug).locale,
    }
    try:
        ConsentTextCreateSchema().load(given)
        added = services().consent_texts.add(slug, **given, actor=actor())
    except ValidationError as error:
        return _page(slug, errors=field_errors(error)), 422
    except InvalidInputError as error:
        return _page(slug, errors={error.field: str(error)}), 422
    return redirect(url_for("admin.list_texts", slug=slug, done=added.version), code=303)


def _page(slug: str, *, errors: Mapping[str, str] | None = None) -> str:
    info = services().lists.get(slug)
    return render_template(
        "admin/lists/list_texts.html",
        info=info,
        versions=services().consent_texts.versions_of(slug),
        errors=errors or {},
        values=request.form if errors else {"locale": info.locale},
        max_length=MAX_TEXT_LENGTH,
        notice=_("Published. Forms show it now.") if "done" in request.args else None,
    )
