"""Errors as an administrator sees them: what happened, and the way back."""

from flask import Response, make_response, render_template
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from service.domain.errors import (
    ConflictError,
    InvalidInputError,
    LinkError,
    NotFoundError,
    UnknownListError,
)
from service.web.admin_pages import admin_pages


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
