"""Signing up: the landing page, the hosted form, and the form that any page embeds by one line."""

from urllib.parse import urlsplit

from flask import jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import Forbidden, UnsupportedMediaType
from werkzeug.wrappers import Response

from service.domain.address import MAX_LENGTH
from service.domain.errors import AddressError, InvalidInputError
from service.domain.mailing_list import ListInfo
from service.domain.risk import Risk
from service.usecases.steps import Step
from service.usecases.subscribe import SignupRequest
from service.web.caller import admit
from service.web.context import evidence, usecases
from service.web.i18n import asked_locale, speak_for
from service.web.pages import pages
from service.web.public_path import public_address
from service.web.security import allow, own_origins

FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
MAX_FORM_BYTES = 16 * 1024
MAX_NAME_LENGTH = 200
EMBED_SECONDS = 300


@pages.get("/")
def home() -> ResponseReturnValue:
    """List the newsletters, each with its form."""
    return render_template("pages/home.html", lists=usecases().lists.all())


@pages.get("/subscribe/<slug>")
def form(slug: str) -> ResponseReturnValue:
    """Show the hosted form, alone or in a frame of a site that the list allows."""
    return _form(_list(slug))


@pages.post("/subscribe/<slug>")
def subscribe(slug: str) -> ResponseReturnValue:
    """Take a form post from an allowed site: 303, or the form again with what to mend (422).

    A script that asks for JSON (the embedded form) gets 202 or 422 in place of a page.
    """
    request.max_content_length = MAX_FORM_BYTES
    info = _list(slug)
    _check_origin(info)
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
    """Return the script that puts the list's form where its tag stands."""
    info = _list(slug)
    script = render_template(
        "pages/embed.js",
        info=info,
        form_url=public_address("pages.form", slug=info.slug, locale=asked_locale()),
        form_token=usecases().guard.form_token(),
    )
    return Response(
        script,
        mimetype="text/javascript",
        headers={
            "Cache-Control": f"public, max-age={EMBED_SECONDS}",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Accept-Language",
        },
    )


def _list(slug: str) -> ListInfo:
    info = usecases().lists.get(slug)
    speak_for(info.locale)
    return info


def _form(info: ListInfo, *, email: str = "", error: str | None = None) -> str:
    _allow_as_form(info)
    return render_template(
        "pages/form.html",
        info=info,
        email=email,
        error=error,
        form_token=usecases().guard.form_token(),
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
    if _wants_json():
        return usecases().intake.by_api(signup, risk=risk, once=None)
    return usecases().intake.by_form(
        signup,
        risk=risk,
        step_token=request.form.get("step", ""),
        proof=request.form.get("proof", ""),
    )


def _step(info: ListInfo, step: Step) -> ResponseReturnValue:
    _allow_as_form(info)
    return render_template(
        "pages/step.html",
        info=info,
        step=step,
        source=_source(info),
        # The browser says that a person's own act sent the form (Fetch Metadata, section 2.4).
        is_attended=request.headers.get("Sec-Fetch-User") == "?1",
    )


def _check_origin(info: ListInfo) -> None:
    """Refuse a post from a site that the list does not name.

    No origin and `null` are let through: privacy tools and sites with `Referrer-Policy:
    no-referrer` send these, and whoever wants to forge an origin needs no browser.
    """
    origin = request.headers.get("Origin", "null").lower()
    if not info.origins or origin == "null" or origin in info.origins:
        return
    if origin not in own_origins(usecases().settings.public_url):
        raise Forbidden


def _source(info: ListInfo) -> str:
    """Name the form for the consent ledger: the page given, else the posting site, else ours."""
    given = request.form.get("source", "")
    origin = request.headers.get("Origin", "null")
    site = (
        "" if origin == "null" or origin in own_origins(usecases().settings.public_url) else origin
    )
    return " ".join((given or site or f"/subscribe/{info.slug}").split())[:200]


def _explain(email: str) -> str:
    if not email:
        text = _("Please enter your e-mail address.")
    elif len(email) > MAX_LENGTH:
        text = _("This address is too long. Please check it.")
    else:
        text = _("This does not look like an e-mail address. It should read like name@example.org.")
    return str(text)


def _wants_json() -> bool:
    accept = request.accept_mimetypes
    return accept["application/json"] > accept["text/html"]


def _taken(info: ListInfo, token: str) -> ResponseReturnValue:
    if _wants_json():
        status_url = public_address("pages.status", token=token, locale=asked_locale())
        answer = jsonify(status="pending", status_url=status_url)
        answer.status_code = 202
        return _readable(answer)
    status_path = url_for("pages.status", token=token, locale=asked_locale())
    return redirect(info.redirect_url or status_path, code=303)


def _refused(info: ListInfo, email: str, message: str) -> ResponseReturnValue:
    if _wants_json():
        answer = jsonify(error=message)
        answer.status_code = 422
        return _readable(answer)
    return _form(info, email=email, error=message), 422


def _readable(answer: Response) -> Response:
    """Let the page that posted read the answer (CORS). Only an allowed origin came this far."""
    answer.headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
    answer.headers["Cache-Control"] = "no-store"
    answer.vary.update(("Origin", "Accept"))
    return answer


@pages.after_request
def set_form_headers(response: Response) -> Response:
    """Let the form's own post carry its origin (under `no-referrer` it would be `null`), and let no
    browser bring a typed address back on a device that others use.
    """
    if request.endpoint in ("pages.form", "pages.subscribe"):
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-store"
    if response.status_code == 429 and request.endpoint == "pages.subscribe" and _wants_json():
        # Only an allowed origin is counted, and so comes this far.
        _readable(response)
    return response
