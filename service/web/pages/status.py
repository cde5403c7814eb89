"""The page after signup: whether the email was sent, and a field for the code in it."""

from collections.abc import Hashable
from datetime import timedelta
from http import HTTPStatus

from flask import make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from service.clock import utc_now
from service.domain.errors import TooManyTriesError, WrongCodeError
from service.usecases.links.views import MailProgress, StatusView
from service.web.http.context import evidence, services
from service.web.http.i18n import page_locale
from service.web.http.ratelimit import limited
from service.web.pages.blueprint import pages
from service.web.pages.forms import MAX_FORM_BYTES, allow_frames
from service.web.pages.once import render_once

FIRST_LOOK = timedelta(seconds=12)
"""So soon after the signup nobody can be typing the code yet: the page may reload itself."""

_TEMPLATE = "pages/signup/status.html"
_FINAL = (MailProgress.BOUNCED, MailProgress.UNREACHABLE)


@pages.get("/status/<token>")
def status(token: str) -> ResponseReturnValue:
    """Show whether the email was sent. Reloads itself, but not while someone may be typing."""
    view = services().signup_status(token)
    if request.if_none_match.contains(view.progress):
        return "", HTTPStatus.NOT_MODIFIED  # the page's own script asks whether there is news
    answer = make_response(_page(token, view))
    answer.set_etag(view.progress)
    return answer


@pages.post("/status/<token>")
@limited
def enter_code(token: str) -> ResponseReturnValue:
    """Take the code from the email: confirmed, or the page again with the error."""
    request.max_content_length = MAX_FORM_BYTES
    code = request.form.get("code", "").strip()
    try:
        view = services().confirm.by_code(token, code, evidence(source="/status"))
    except WrongCodeError:
        message = (
            _("That code isn't right. Use the one in our latest email.")
            if code
            else _("Enter the code.")
        )
        return _page(token, services().signup_status(token), code=code, error=message), 422
    except TooManyTriesError:
        return _page(token, services().signup_status(token), is_locked=True), 429
    return _page(token, view)


def _page(
    token: str,
    view: StatusView,
    *,
    code: str = "",
    error: str | None = None,
    is_locked: bool = False,
) -> str:
    own_list = services().signup_status.own_list(token)
    if own_list is not None:
        # The hosted form leads here inside the frame that it stands in.
        allow_frames(own_list)
    asks_for_code = "code" in request.args or request.method == "POST"
    reload_seconds = None
    if not asks_for_code and view.progress is MailProgress.DELAYED:
        reload_seconds = 30
    elif not asks_for_code and utc_now() - view.requested_at < FIRST_LOOK:
        reload_seconds = 8
    shown: dict[str, Hashable] = {
        "progress": view.progress,
        "is_confirmed": view.is_confirmed,
        "reload_seconds": None if view.progress in _FINAL else reload_seconds,
        "own_list": own_list,
    }
    if not code and error is None and not is_locked:
        return render_once(_TEMPLATE, locale=page_locale(), fill={"token": token}, code="", **shown)
    return render_template(
        _TEMPLATE, token=token, code=code[:12], error=error, is_locked=is_locked, **shown
    )
