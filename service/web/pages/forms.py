"""Signing up: the landing page, the hosted form, and the form that any page can embed."""

from http import HTTPStatus
from urllib.parse import urlsplit

from flask import jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.wrappers import Response

from service.domain.address import MAX_LENGTH
from service.domain.errors import AddressError, InvalidInputError
from service.domain.lists.mailing_list import ListInfo
from service.domain.lists.site import is_one_of
from service.domain.signup.risk import Risk
from service.domain.subscription import MAX_NAME_LENGTH
from service.usecases.signup.extra_step import Step
from service.usecases.signup.subscribe import SignupRequest
from service.web.http.caller import admit
from service.web.http.context import evidence, services
from service.web.http.i18n import asked_locale, speak_for
from service.web.http.negotiation import wants_json
from service.web.http.problems import problem
from service.web.http.security import allow, own_origins
from service.web.middleware.public_path import public_address
from service.web.pages.blueprint import pages

FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
MAX_FORM_BYTES = 16 * 1024
EMBED_SECONDS = 300
PREFLIGHT_SECONDS = 600


@pages.get("/")
def home() -> ResponseReturnValue:
    """List the newsletters, each with its form."""
    return render_template("pages/signup/home.html", lists=services().lists.all())


@pages.get("/subscribe/<slug>", provide_automatic_options=False)
def form(slug: str) -> ResponseReturnValue:
    """Show the hosted form, alone or in a frame of a site that the list allows."""
    return _form(_list(slug))


@pages.post("/subscribe/<slug>", provide_automatic_options=False)
def subscribe(slug: str) -> ResponseReturnValue:
    """Take a form post from an allowed site: 303, or the form again with the error (422).

    A script that asks for JSON (the embedded form) gets 202 or 422 in place of a page.
    """
    request.max_content_length = MAX_FORM_BYTES
    info = _list(slug)
    if not _may_post(info):
        return _not_from_there(info)
    if request.mimetype not in FORM_TYPES:
        raise UnsupportedMediaType
    email = request.form.get("email", "").strip()
    admission = admit(
        email=email,
        lists=(info.slug,),
        trap=request.form.get("website"),
        is_form=True,
        form_token=request.form.get("form_token", ""),
    )
    try:
        taken = _take(
            SignupRequest(
                email=email,
                lists=(info.slug,),
                name=" ".join(request.form.get("name", "").split())[:MAX_NAME_LENGTH] or None,
                evidence=evidence(source=_source(info), locale=asked_locale()),
            ),
            admission.risk,
        )
    except AddressError:
        return _refused(info, email, _explain(email))
    except InvalidInputError as error:
        return _refused(info, email, str(error))
    return _step(info, taken) if isinstance(taken, Step) else _taken(info, taken)


@pages.get("/embed/<slug>.js")
def embed(slug: str) -> ResponseReturnValue:
    """Return the script that puts the list's form where its tag stands.

    It names the allowed sites, which are public anyway: the hosted form's `frame-ancestors`.
    """
    info = _list(slug)
    script = render_template(
        "pages/signup/embed.js",
        info=info,
        form_url=public_address("pages.form", slug=info.slug, locale=asked_locale()),
        form_token=services().guard.form_token(),
        sites=[*info.origins, *own_origins(services().settings.public_url)] if info.origins else [],
    )
    return Response(
        script,
        mimetype="text/javascript",
        headers={
            "Cache-Control": f"public, max-age={EMBED_SECONDS}",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Access-Control-Allow-Origin": "*",  # a module is fetched by CORS
        },
    )


def _list(slug: str) -> ListInfo:
    info = services().lists.get(slug)
    speak_for(info.locale)
    return info


def _form(info: ListInfo, *, email: str = "", error: str | None = None) -> str:
    _allow_as_form(info)
    return render_template(
        "pages/signup/form.html",
        info=info,
        email=email,
        error=error,
        form_token=services().guard.form_token(),
    )


def allow_frames(info: ListInfo) -> None:
    """Let the list's own sites frame the page; any site, where the list names none."""
    allow("frame-ancestors", *(("'self'", *info.origins) if info.origins else ("*",)))


def _allow_as_form(info: ListInfo) -> None:
    """Let the list's own sites frame the page, and its form lead to the list's own page."""
    allow_frames(info)
    if info.redirect_url:
        # Browsers hold the redirect after a form post to `form-action`, too.
        target = urlsplit(info.redirect_url)
        allow("form-action", f"{target.scheme}://{target.netloc}")


def _take(signup: SignupRequest, risk: Risk) -> str | Step:
    """Take the signup: a script that asks for JSON is always answered, a page may get a step."""
    if wants_json():
        return services().intake.by_api(signup, risk=risk, once=None)
    return services().intake.by_form(
        signup,
        risk=risk,
        step_token=request.form.get("step", ""),
        proof=request.form.get("proof", ""),
    )


def _step(info: ListInfo, step: Step) -> ResponseReturnValue:
    _allow_as_form(info)
    return render_template(
        "pages/signup/step.html",
        info=info,
        step=step,
        source=_source(info),
        # The browser says that a person's own act sent the form (Fetch Metadata, section 2.4).
        is_attended=request.headers.get("Sec-Fetch-User") == "?1",
    )


def _may_post(info: ListInfo) -> bool:
    """Tell whether the post is from a site that the list names, or from our own page.

    No origin and `null` are let through: privacy tools and sites with `Referrer-Policy:
    no-referrer` send these, and an origin can be forged without a browser.
    """
    origin = request.headers.get("Origin", "null").lower()
    return origin == "null" or info.takes_from(origin) or _is_ours(origin)


def _is_ours(origin: str) -> bool:
    return is_one_of(origin, own_origins(services().settings.public_url))


def _not_from_there(info: ListInfo) -> Response:
    """Say which site to allow; the `detail` is for the people who build the site."""
    origin = request.headers["Origin"]
    return problem(
        HTTPStatus.FORBIDDEN,
        "site-not-allowed",
        "This form isn't set up for that website.",
        detail=f"Add {origin} to the allowed websites of the list {info.slug}.",
    )


def _source(info: ListInfo) -> str:
    """Name the form for the consent ledger: the page given, else the posting site, else ours."""
    given = request.form.get("source", "")
    origin = request.headers.get("Origin", "null")
    site = "" if origin == "null" or _is_ours(origin) else origin
    return " ".join((given or site or f"/subscribe/{info.slug}").split())[:200]


def _explain(email: str) -> str:
    if not email:
        text = _("Enter your email address.")
    elif len(email) > MAX_LENGTH:
        text = _("This address is too long. Please check it.")
    else:
        text = _("This isn't an email address. It should look like name@example.org.")
    return str(text)


def _taken(info: ListInfo, token: str) -> ResponseReturnValue:
    if wants_json():
        status_url = public_address("pages.status", token=token, locale=asked_locale())
        answer = jsonify(status="pending", status_url=status_url)
        answer.status_code = 202
        return answer
    if info.redirect_url is None:
        return redirect(url_for("pages.status", token=token, locale=asked_locale()), code=303)
    if _is_ours(request.headers.get("Origin", "null")):
        # A browser holds every redirect after a form post to the page's `form-action`, also those
        # that the other site makes: our own form is answered by a page that leads there.
        allow_frames(info)
        return render_template("pages/links/onward.html", info=info, target=info.redirect_url)
    return redirect(info.redirect_url, code=303)


def _refused(info: ListInfo, email: str, message: str) -> ResponseReturnValue:
    if wants_json():
        return problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid-input",
            "Some fields are invalid.",
            detail=message,
            errors=[{"pointer": "/email", "detail": message}],
        )
    return _form(info, email=email, error=message), 422


@pages.route("/subscribe/<slug>", methods=["OPTIONS"])
def preflight(slug: str) -> Response:
    """Let scripts of the list's own sites add headers to their post (Fetch, section 3.3.2)."""
    info = _list(slug)
    answer = Response(status=HTTPStatus.NO_CONTENT, headers={"Allow": "GET, HEAD, OPTIONS, POST"})
    if _may_post(info):
        answer.headers["Access-Control-Allow-Methods"] = "POST"
        asked = request.headers.get("Access-Control-Request-Headers", "")
        answer.headers["Access-Control-Allow-Headers"] = asked or "Accept, Content-Type"
        answer.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    answer.vary.update(("Access-Control-Request-Headers",))
    return answer


@pages.after_app_request
def let_the_site_read(response: Response) -> Response:
    """Let the page that posted a form read the answer (CORS), whatever the answer is.

    Only an allowed site's post is taken. What a refused one gets, or one that another error
    answers, says nothing of anybody.
    """
    is_form = request.path.startswith("/subscribe/") and request.method not in ("GET", "HEAD")
    if is_form:
        response.vary.update(("Origin", "Accept", "Sec-Fetch-Mode"))
        response.headers["Cache-Control"] = "no-store"
        if origin := request.headers.get("Origin"):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"
    return response


@pages.after_request
def set_form_headers(response: Response) -> Response:
    """Let the form's own post carry its origin (under `no-referrer` it would be `null`), and let no
    browser bring a typed address back on a device that others use.
    """
    if request.endpoint in ("pages.form", "pages.subscribe"):
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-store"
    return response
