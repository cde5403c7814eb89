"""Webhooks: list, create, pause and delete them, and show their deliveries."""

from collections.abc import Mapping
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from service.domain.errors import InvalidInputError
from service.domain.webhooks.event import EventType
from service.usecases.webhooks.receivers import WebhookView
from service.web.console.access.session import actor, signed_in
from service.web.console.blueprint import admin_pages
from service.web.console.tools import next_page
from service.web.http.context import services

PAGE = 50


@admin_pages.get("/webhooks")
@signed_in
def webhooks() -> ResponseReturnValue:
    """List the webhooks."""
    return _page()


@admin_pages.post("/webhooks")
@signed_in
def create_webhook() -> ResponseReturnValue:
    """Create a webhook and show its secret once, or show the errors (422)."""
    try:
        view = services().webhooks.create(
            url=request.form.get("url", "").strip(),
            events=request.form.getlist("events"),
            list_slug=request.form.get("list") or None,
            actor=actor(),
        )
    except InvalidInputError as error:
        return _page(errors={error.field: str(error)}), 422
    return _page(made=view)


@admin_pages.get("/webhooks/<uuid:webhook_id>")
@signed_in
def webhook(webhook_id: UUID) -> ResponseReturnValue:
    """Show one webhook and its deliveries, newest first."""
    view = services().webhooks.get(webhook_id)
    page = services().webhooks.attempts(webhook_id, limit=PAGE, cursor=request.args.get("cursor"))
    done = {
        "enabled": _("Enabled. Queued deliveries are sent now."),
        "disabled": _("Disabled. Nothing is sent to it."),
    }
    return render_template(
        "admin/webhook.html",
        view=view,
        attempts=page.items,
        older=next_page("admin.webhook", page, webhook_id=webhook_id),
        notice=done.get(request.args.get("done", "")),
    )


@admin_pages.post("/webhooks/<uuid:webhook_id>/enable")
@signed_in
def enable_webhook(webhook_id: UUID) -> ResponseReturnValue:
    """Tell it again."""
    services().webhooks.update(webhook_id, {"is_enabled": True}, actor=actor())
    return redirect(url_for("admin.webhook", webhook_id=webhook_id, done="enabled"), code=303)


@admin_pages.post("/webhooks/<uuid:webhook_id>/disable")
@signed_in
def disable_webhook(webhook_id: UUID) -> ResponseReturnValue:
    """Pause the webhook."""
    services().webhooks.update(webhook_id, {"is_enabled": False}, actor=actor())
    return redirect(url_for("admin.webhook", webhook_id=webhook_id, done="disabled"), code=303)


@admin_pages.post("/webhooks/<uuid:webhook_id>/delete")
@signed_in
def delete_webhook(webhook_id: UUID) -> ResponseReturnValue:
    """Remove it for good."""
    services().webhooks.delete(webhook_id, actor=actor())
    return redirect(url_for("admin.webhooks", done="deleted"), code=303)


def _page(*, made: WebhookView | None = None, errors: Mapping[str, str] | None = None) -> str:
    return render_template(
        "admin/webhooks.html",
        webhooks=services().webhooks.all(),
        lists=services().lists.all(),
        events=list(EventType),
        made=made,
        errors=errors or {},
        values=request.form if errors else {},
        chosen=request.form.getlist("events") if errors else [],
        notice=_("The webhook is deleted.") if request.args.get("done") == "deleted" else None,
    )
