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
        _("This link does not sign you in any more"),
        _("It works once, within 15 minutes. On the server, newsflash admin-link makes a new one."),
    )


@admin_pages.errorhandler(NotFoundError)
@admin_pages.errorhandler(UnknownListError)
def not_found(_error: Exception) -> Response:
    """Say that it is gone, or never was."""
    return _page(404, _("There is nothing here"), _("It may have been erased or renamed since."))


@admin_pages.errorhandler(ConflictError)
def conflict(error: ConflictError) -> Response:
    """Say what stands against it."""
    return _page(409, _("That is not possible as things are"), str(error))


@admin_pages.errorhandler(InvalidInputError)
def invalid(error: InvalidInputError) -> Response:
    """Say what was not usable, where no form shows it beside its field."""
    return _page(422, _("That did not work"), str(error))


@admin_pages.errorhandler(IssuerUnavailableError)
def issuer_unavailable(_error: IssuerUnavailableError) -> Response:
    """Say that the identity provider is out of reach, and that there is another way in."""
    page = _page(
        503,
        _("The identity provider cannot be reached"),
        _("Try again in a moment, or sign in with an API key."),
    )
    page.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return page


@admin_pages.errorhandler(IssuerAnswerError)
def issuer_answer(error: IssuerAnswerError) -> Response:
    """Say that the identity provider's answer was no good: most likely a setting here or there."""
    return _page(
        502,
        _("The identity provider's answer cannot be used"),
        _(
            "Nobody was signed in. The OIDC settings may not fit the provider (%(code)s).",
            code=error,
        ),
    )


@admin_pages.errorhandler(SignInBrokenError)
def sign_in_broken(_error: SignInBrokenError) -> Response:
    """Say how to begin again."""
    return _page(
        400,
        _("Please begin the sign-in again"),
        _("It took too long, was done already, or was begun in another browser."),
    )


@admin_pages.errorhandler(SignInDeclinedError)
def sign_in_declined(_error: SignInDeclinedError) -> Response:
    """Say that the provider named nobody."""
    return _page(403, _("You are not signed in"), _("The sign-in was ended at the provider."))


@admin_pages.errorhandler(SignInRefusedError)
def sign_in_refused(error: SignInRefusedError) -> Response:
    """Say to whom the provider knows that they are no administrator here."""
    text = _("%(account)s is not an administrator of this service.", account=error.name)
    if error.reason == ADDRESS_NOT_VERIFIED:
        text = _("The provider has not verified the address of %(account)s.", account=error.name)
    return _page(403, _("You may not come in"), text)


@admin_pages.errorhandler(HTTPException)
def http(error: HTTPException) -> Response:
    """Say what the status means here."""
    status = error.code or 500
    known = {
        403: (
            _("This form is no longer good"),
            _("It was opened in another session, or not on these pages. Go back and reload."),
        ),
        404: (_("There is nothing here"), _("It may have been erased or renamed since.")),
        413: (_("That was too much"), _("The form or file is larger than the service takes.")),
    }
    title, text = known.get(status, (_("That did not work"), _("Go back and try again.")))
    return _page(status, title, text)


def _page(status: int, title: str, text: str) -> Response:
    return make_response(
        render_template("admin/error.html", title=title, text=text, status=status), status
    )
