"""Error pages for browsers. They say what happened and what to do, and hold no internals.

Most errors are answered by `web.problems`, which renders `pages/error.html`. Links that have had
their time get pages of their own here, because there is something to do about them.
"""

from flask import Response, make_response, render_template, request
from flask_babel import gettext as _

from service.domain.errors import LinkEndedError, LinkExpiredError
from service.web.http.negotiation import wants_json
from service.web.http.problems import problem
from service.web.pages.blueprint import pages


@pages.errorhandler(LinkExpiredError)
def expired(_error: LinkExpiredError) -> Response:
    """Offer a new link for a confirm link that is too old; say so of any other."""
    if wants_json():
        return problem(410, "expired-link", "This link is too old.")
    token = (request.view_args or {}).get("token")
    can_renew = token is not None and request.endpoint in ("pages.confirm", "pages.act_on_confirm")
    page = render_template("pages/expired.html", token=token if can_renew else None)
    return make_response(page, 410)


@pages.errorhandler(LinkEndedError)
def ended(_error: LinkEndedError) -> Response:
    """Say that the link's subscription is over."""
    if wants_json():
        return problem(410, "ended-link", "This link has done its work.")
    return make_response(render_template("pages/ended.html", lists=()), 410)


@pages.app_template_global()
def error_words(status: int) -> tuple[str, str]:
    """Return a heading and a sentence on what to do for an HTTP status, in the page's language."""
    known = {
        403: (
            _("This form may not be used from there"),
            _("The newsletter takes signups from its own sites only. Its own form always works."),
        ),
        404: (
            _("There is nothing here"),
            _(
                "A link may have been cut off on its way. Try to open it from the mail again, "
                "or copy the whole address."
            ),
        ),
        405: (_("That does not work here"), _("This address cannot be used in that way.")),
        410: (_("This link has had its time"), _("It does nothing any more.")),
        413: (_("That was too much"), _("The form sent more than we can take. Please shorten it.")),
        415: (_("We could not read that"), _("The form was sent in a format that we do not know.")),
        422: (
            _("Something is missing"),
            _("Please go back, check what you entered and try again."),
        ),
        429: (
            _("One moment, please"),
            _("There were many requests in a short time. Please try again in a minute."),
        ),
        503: (
            _("We are back in a moment"),
            _("The service cannot answer just now. Nothing is lost; please try again shortly."),
        ),
    }
    if status in known:
        return known[status]
    if status >= 500:
        return _("Something went wrong"), _("It is our fault, not yours. Please try again later.")
    return _("That did not work"), _("Please go back and try again.")
