"""Errors as an administrator sees them: what happened, and the way back."""

from flask import Response, make_response, render_template
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from service.domain.access.admission import ADDRESS_NOT_VERIFIED
from service.domain.errors import (
    ConflictError,
    InvalidInputError,
    IssuerAnswerError,
    IssuerUnavailableError,
    LinkError,
    NotFoundError,
    SignInBrokenError,
    SignInDeclinedError,
    SignInRefusedError,
    UnknownListError,
)
from service.web.console.blueprint import admin_pages
from service.web.http.problems import RETRY_AFTER_SECONDS


@admin_pages.errorhandler(LinkError)
def link_is_over(_error: LinkError) -> Response:
    """Say how to get another link, to a forged one too."""
    return _page(
        410,
        _("This sign-in link is no longer valid"),
        _("It works once, for 15 minutes. Run newsflash admin-link on the server for a new one."),
    )


@admin_pages.errorhandler(NotFoundError)
@admin_pages.errorhandler(UnknownListError)
def not_found(_error: Exception) -> Response:
    """Say that nothing is there."""
    return _page(404, _("Page not found"), _("It may have been erased or renamed."))


@admin_pages.errorhandler(ConflictError)
def conflict(error: ConflictError) -> Response:
    """Say what the request conflicts with."""
    return _page(409, _("This conflicts with the current state"), str(error))


@admin_pages.errorhandler(InvalidInputError)
def invalid(error: InvalidInputError) -> Response:
    """Say what is invalid, where no form shows it next to its field."""
    return _page(422, _("That didn't work"), str(error))


@admin_pages.errorhandler(IssuerUnavailableError)
def issuer_unavailable(_error: IssuerUnavailableError) -> Response:
    """Say that the identity provider can't be reached, and offer the API key."""
    page = _page(
        503,
        _("The identity provider can't be reached"),
        _("Try again in a moment, or sign in with an API key."),
    )
    page.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return page


@admin_pages.errorhandler(IssuerAnswerError)
def issuer_answer(error: IssuerAnswerError) -> Response:
    """Say that the identity provider's answer is invalid: most likely a setting is wrong."""
    return _page(
        502,
        _("The identity provider sent an invalid answer"),
        _(
            "You are not signed in. Check the OIDC settings (%(code)s).",
            code=error,
        ),
    )


@admin_pages.errorhandler(SignInBrokenError)
def sign_in_broken(_error: SignInBrokenError) -> Response:
    """Say how to start again."""
    return _page(
        400,
        _("Please start the sign-in again"),
        _("It took too long, was already used, or was started in another browser."),
    )


@admin_pages.errorhandler(SignInDeclinedError)
def sign_in_declined(_error: SignInDeclinedError) -> Response:
    """Say that the sign-in was cancelled."""
    return _page(403, _("You are not signed in"), _("The sign-in was cancelled at the provider."))


@admin_pages.errorhandler(SignInRefusedError)
def sign_in_refused(error: SignInRefusedError) -> Response:
    """Tell an account that it is not an administrator here."""
    text = _(
        "%(account)s is not an administrator of this service. Sign in with another account.",
        account=error.name,
    )
    if error.reason == ADDRESS_NOT_VERIFIED:
        text = _(
            "The provider has not verified the email address of %(account)s. Verify it there.",
            account=error.name,
        )
    return _page(403, _("You have no access"), text)


@admin_pages.errorhandler(HTTPException)
def http(error: HTTPException) -> Response:
    """Say what the status means here."""
    status = error.code or 500
    known = {
        403: (
            _("This form has expired"),
            _("It belongs to another session. Go back, reload the page and try again."),
        ),
        404: (_("Page not found"), _("It may have been erased or renamed.")),
        413: (_("That is too large"), _("The form or file is larger than the service accepts.")),
    }
    title, text = known.get(status, (_("That didn't work"), _("Go back and try again.")))
    return _page(status, title, text)


def _page(status: int, title: str, text: str) -> Response:
    return make_response(
        render_template("admin/error.html", title=title, text=text, status=status), status
    )
