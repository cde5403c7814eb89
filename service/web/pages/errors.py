"""Error pages for browsers. They say what happened and what to do next, without internals.

`web.http.problems` answers most errors with `pages/error.html`. Links that expired or ended have
pages of their own here, because they offer a next step.
"""

from flask import Response, make_response, render_template, request
from flask_babel import gettext as _

from service.domain.errors import LinkEndedError, LinkExpiredError
from service.web.http.negotiation import wants_json
from service.web.http.problems import problem
from service.web.pages.blueprint import pages


@pages.errorhandler(LinkExpiredError)
def expired(_error: LinkExpiredError) -> Response:
    """Offer a new link for an expired confirm link; say of any other that it expired."""
    if wants_json():
        return problem(410, "expired-link", "This link has expired.")
    token = (request.view_args or {}).get("token")
    can_renew = token is not None and request.endpoint in ("pages.confirm", "pages.act_on_confirm")
    page = render_template("pages/links/expired.html", token=token if can_renew else None)
    return make_response(page, 410)


@pages.errorhandler(LinkEndedError)
def ended(_error: LinkEndedError) -> Response:
    """Say that the link's subscription has ended."""
    if wants_json():
        return problem(410, "ended-link", "This link is no longer valid.")
    return make_response(render_template("pages/links/ended.html", lists=()), 410)


@pages.app_template_global()
def error_words(status: int) -> tuple[str, str]:
    """Return a heading and a sentence on what to do for an HTTP status, in the page's language."""
    known = {
        403: (
            _("This form isn't set up for that website"),
            _("Please use the newsletter's own form instead."),
        ),
        404: (
            _("Page not found"),
            _("The link may be incomplete. Open it from the email again, or copy all of it."),
        ),
        405: (_("That didn't work"), _("Please go back and try again.")),
        410: (_("This link is no longer valid"), _("You can sign up again at any time.")),
        413: (_("That was too long"), _("Please go back, shorten your text and try again.")),
        415: (_("We can't read this form"), _("Please use the newsletter's own form instead.")),
        422: (
            _("Something is missing"),
            _("Please go back, check what you entered and try again."),
        ),
        429: (
            _("Too many requests"),
            _("Please try again in a minute."),
        ),
        503: (
            _("We'll be back in a moment"),
            _("The service can't answer right now. Nothing is lost. Please try again shortly."),
        ),
    }
    if status in known:
        return known[status]
    if status >= 500:
        return _("Something went wrong"), _("This is our fault, not yours. Please try again later.")
    return _("That didn't work"), _("Please go back and try again.")
