"""API keys: which there are, making one, taking one back."""

from collections.abc import Mapping

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from service.clock import utc_now
from service.domain.access.roles import Role
from service.domain.errors import ConflictError, InvalidInputError
from service.web.console.access.session import actor, signed_in
from service.web.console.blueprint import admin_pages
from service.web.console.tools import day_field
from service.web.http.context import services


@admin_pages.get("/keys")
@signed_in
def keys() -> ResponseReturnValue:
    """List the keys, revoked ones too."""
    return _page()


@admin_pages.post("/keys")
@signed_in
def create_key() -> ResponseReturnValue:
    """Create a key and show it once, or show the errors (422)."""
    name = request.form.get("name", "").strip()
    try:
        key = services().keys.create(
            name,
            request.form.get("role", ""),
            actor=actor(),
            lists=request.form.getlist("lists"),
            expires_at=day_field("expires_at", is_end=True),
        )
    except InvalidInputError as error:
        return _page(errors={error.field: str(error)}), 422
    except ConflictError as error:
        return _page(errors={"name": str(error)}), 422
    return _page(new_key=key)


@admin_pages.post("/keys/revoke")
@signed_in
def revoke_key() -> ResponseReturnValue:
    """Take a key back for good."""
    services().keys.revoke(request.form.get("name", ""), actor=actor())
    return redirect(url_for("admin.keys", done="revoked"), code=303)


def _page(*, new_key: str | None = None, errors: Mapping[str, str] | None = None) -> str:
    found = services().keys
    return render_template(
        "admin/access/keys.html",
        keys=[(info, found.slugs_of(info), info.has_ended(utc_now())) for info in found.all()],
        lists=services().lists.all(),
        roles=[
            (Role.SIGNUP.value, _("signup: signs people up")),
            (Role.EXPORT.value, _("export: reads subscribers")),
            (Role.METRICS.value, _("metrics: for monitoring")),
            (Role.ADMIN.value, _("admin: full access")),
        ],
        values=request.form if errors else {},
        errors=errors or {},
        new_key=new_key,
        notice=_("The key is revoked.") if request.args.get("done") == "revoked" else None,
    )
