"""The links in emails. A GET shows a page and changes nothing; a POST acts and may be repeated."""

from collections.abc import Hashable

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from service.usecases.links.views import LinkState, LinkView
from service.web.http.context import evidence, services
from service.web.http.i18n import page_locale, speak_for
from service.web.http.ratelimit import limited
from service.web.http.security import keep_private
from service.web.pages.blueprint import pages
from service.web.pages.forms import MAX_FORM_BYTES
from service.web.pages.once import render_once

REASONS = ("too_many", "not_relevant", "did_not_sign_up", "other")


@pages.get("/confirm/<token>")
def confirm(token: str) -> ResponseReturnValue:
    """Show the page that confirms, by its button or at the first trusted input (ADR 3)."""
    return _confirm_page(token, services().confirm.show(token))


@pages.post("/confirm/<token>")
def act_on_confirm(token: str) -> ResponseReturnValue:
    """Confirm the link's subscriptions. Repeating it changes nothing."""
    request.max_content_length = MAX_FORM_BYTES
    return _confirm_page(token, services().confirm.act(token, evidence(source="/confirm")))


@pages.post("/confirm/<token>/renew")
@limited
def renew(token: str) -> ResponseReturnValue:
    """Email a new link for an expired one, and lead to the status page."""
    request.max_content_length = MAX_FORM_BYTES
    status_token = services().confirm.renew(token, evidence(source="/confirm"))
    return redirect(url_for("pages.status", token=status_token), code=303)


@pages.get("/unsubscribe/<token>")
def unsubscribe(token: str) -> ResponseReturnValue:
    """Show the unsubscribe page. It never submits itself."""
    return _unsubscribe_page(token, services().unsubscribe.show(token))


@pages.post("/unsubscribe/<token>")
def act_on_unsubscribe(token: str) -> ResponseReturnValue:
    """Unsubscribe: from the page's button or an email program's one click (RFC 8058)."""
    request.max_content_length = MAX_FORM_BYTES
    one_click = request.form.get("List-Unsubscribe") == "One-Click"
    found = evidence(source="one-click" if one_click else "/unsubscribe")
    view = services().unsubscribe.act(token, found, one_click=one_click)
    if one_click:
        # A mail service asks (RFC 8058) and shows the answer to nobody: no page is needed.
        return Response(_("You are unsubscribed"), mimetype="text/plain")
    return _unsubscribe_page(token, view)


@pages.post("/unsubscribe/undo")
@limited
def undo() -> ResponseReturnValue:
    """Undo the unsubscribe, while the page's token is valid."""
    request.max_content_length = MAX_FORM_BYTES
    keep_private()
    token = request.form.get("token", "")
    view = services().unsubscribe.undo(token, evidence(source="/unsubscribe/undo"))
    if view.state is LinkState.ENDED:
        return _ended(view)
    return _page("pages/links/resumed.html", view)


@pages.post("/unsubscribe/reason")
@limited
def give_reason() -> ResponseReturnValue:
    """Record why someone unsubscribed, if they say so."""
    request.max_content_length = MAX_FORM_BYTES
    keep_private()
    token = request.form.get("token", "")
    chosen = request.form.get("reason", "")
    parts = (chosen if chosen in REASONS else "", request.form.get("detail", "").strip())
    reason = ": ".join(part for part in parts if part)
    if reason:
        services().unsubscribe.give_reason(token, reason)
    return render_template("pages/signup/thanks.html", undo_token=token)


def _confirm_page(token: str, view: LinkView) -> ResponseReturnValue:
    if view.state is LinkState.ENDED:
        return _ended(view)
    if view.state is LinkState.DONE:
        return _page("pages/links/confirmed.html", view)
    return _page("pages/links/confirm.html", view, token=token, shows_consent=True)


def _unsubscribe_page(token: str, view: LinkView) -> ResponseReturnValue:
    if view.state is LinkState.ENDED:
        return _ended(view)
    if view.state is LinkState.DONE:
        return _page("pages/links/unsubscribed.html", view)
    return _page("pages/links/unsubscribe.html", view, token=token)


def _ended(view: LinkView) -> ResponseReturnValue:
    return _page("pages/links/ended.html", view), 410


def _page(
    template: str, view: LinkView, *, token: str | None = None, shows_consent: bool = False
) -> str:
    if view.lists:
        speak_for(view.lists[0].locale)
    locale = page_locale()
    values: dict[str, Hashable] = {"lists": view.lists}
    if shows_consent:
        texts = services().consent_texts
        values["consents"] = tuple(texts.current(info, locale) for info in view.lists)
    tokens = {
        "token": token,
        "undo_token": view.undo_token,
        "receipt_token": view.receipt_token,
    }
    return render_once(template, locale=locale, fill=tokens, **values)
