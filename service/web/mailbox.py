"""The local mailbox in the browser: what the embedded default has "sent", to open and to click.

Who reads it can confirm and unsubscribe anyone, so it answers only while this computer alone can
ask: bind address, Host, PUBLIC_URL and the caller are loopback, no proxy is trusted, and no header
says that a proxy handed the request on. Otherwise: 404.
"""

import re
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from service.domain.network import is_loopback
from service.mail.mailbox import Mailbox, MailboxMail, UnreadableMail
from service.web.http.context import services
from service.web.http.security import allow, keep_private
from service.web.middleware.hosts import host_name, was_forwarded

FOLDER = "mailbox"
"""Folder under the data directory in which the provider keeps its mails."""

SHOWN = 100
VIEWS = ("html", "text", "headers")
# The mail's own styles and nothing else; its links leave the frame, and only when someone clicks.
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; "
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
_ONE_CLICK = re.compile(r"<(https?://[^<>\s]+)>")

mailbox = Blueprint("mailbox", __name__, url_prefix="/mailbox")


def is_reachable() -> bool:
    """Tell whether this request is one that only this computer can have made."""
    settings = services().settings
    hosts = (
        settings.bind_host.strip("[]"),
        urlsplit(settings.public_url).hostname,
        host_name(request.host),
        request.remote_addr,
    )
    is_direct = settings.trusted_proxies == 0 and not was_forwarded(request.headers)
    return is_direct and all(is_loopback(host) for host in hosts)


@mailbox.before_request
def guard() -> None:
    """Answer as if there were no mailbox, unless only this computer can ask."""
    if not is_reachable():
        abort(404)
    keep_private()


@mailbox.get("")
def index() -> ResponseReturnValue:
    """List the newest mails."""
    return render_template("mailbox/index.html", mails=_mailbox().messages(SHOWN))


@mailbox.get("/<uuid:message_id>")
def show(message_id: UUID) -> ResponseReturnValue:
    """Show one mail, as HTML (in a frame of its own), text or headers."""
    mail = _mail(message_id)
    if isinstance(mail, UnreadableMail):
        return render_template("mailbox/unreadable.html", mail=mail)
    view = request.args.get("view", "html" if mail.html else "text")
    if view not in VIEWS:
        abort(404)
    allow("frame-src", "'self'")
    headers = {name.lower(): value for name, value in mail.headers}
    one_click = _ONE_CLICK.search(headers.get("list-unsubscribe", ""))
    if one_click:
        target = urlsplit(one_click[1])
        allow("form-action", f"{target.scheme}://{target.netloc}")
    return render_template(
        "mailbox/show.html",
        mail=mail,
        view=view,
        one_click=one_click[1] if one_click else None,
    )


@mailbox.get("/<uuid:message_id>/html")
def html(message_id: UUID) -> ResponseReturnValue:
    """Return the mail's HTML under a policy that lets it do nothing but show itself and link."""
    mail = _mail(message_id)
    if isinstance(mail, UnreadableMail):
        abort(404)
    base = '<!doctype html><base target="_top">'
    return Response(
        base + mail.html,
        mimetype="text/html",
        headers={"Content-Security-Policy": _MAIL_POLICY},
    )


def _mailbox() -> Mailbox:
    return Mailbox(services().settings.data_dir / FOLDER)


def _mail(message_id: UUID) -> MailboxMail | UnreadableMail:
    mail = _mailbox().get(message_id)
    if mail is None:
        abort(404)
    return mail


@mailbox.app_template_global()
def has_mailbox() -> bool:
    """Tell templates whether they may point to the mailbox."""
    return is_reachable()
