"""The outbox: emails that wait or failed, and one more try for those that failed."""

from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from service.domain.delivery.retry import MessageStatus
from service.web.console.access.session import actor, signed_in
from service.web.console.blueprint import admin_pages
from service.web.console.tools import next_page
from service.web.http.context import services

PAGE = 50


@admin_pages.get("/mails")
@signed_in
def mails() -> ResponseReturnValue:
    """Show the newest emails in one state, failed ones where none is named."""
    asked = request.args.get("status", MessageStatus.FAILED.value)
    status = MessageStatus(asked) if asked in set(MessageStatus) else None
    page = services().outbox.page(status=status, limit=PAGE, cursor=request.args.get("cursor"))
    shown = status.value if status else "any"
    queued = request.args.get("queued", type=int)
    return render_template(
        "admin/mails.html",
        mails=page.items,
        status=shown,
        statuses=[
            (MessageStatus.FAILED.value, _("Failed")),
            (MessageStatus.QUEUED.value, _("Waiting")),
            ("any", _("All")),
        ],
        older=next_page("admin.mails", page, status=shown),
        notice=None
        if queued is None
        else ngettext("%(num)d email is queued again.", "%(num)d emails are queued again.", queued),
    )


@admin_pages.post("/mails/<uuid:message_id>/retry")
@signed_in
def retry_mail(message_id: UUID) -> ResponseReturnValue:
    """Queue one failed email again."""
    services().outbox.retry(message_id, actor=actor())
    return redirect(url_for("admin.mails", queued=1), code=303)


@admin_pages.post("/mails/retry")
@signed_in
def retry_all_mails() -> ResponseReturnValue:
    """Queue every failed email again whose link still works."""
    count = services().outbox.retry_all(actor=actor())
    return redirect(url_for("admin.mails", queued=count), code=303)
