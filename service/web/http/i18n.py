"""Which language a page speaks. Texts are English in the source; a catalog adds a language.

The order: `?locale=` (or the form field of that name), the locale of the list that the page is
about, the browser's `Accept-Language`; each only where there is a catalog. English otherwise.
Whatever speaks a language says so to caches (`Vary`): another browser may get another one.
"""

from functools import lru_cache
from typing import cast

from babel import Locale
from flask import Flask, Request, Response, current_app, g, request
from flask_babel import Babel
from werkzeug.datastructures import LanguageAccept
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_accept_header

from service.web.http.context import current_request

_SOURCE = "en"
_KNOWN = 256
"""How many values of `Accept-Language` are known without a look: most browsers send one of few."""


def init_i18n(app: Flask) -> None:
    """Set up Flask-Babel on the app; catalogs lie in `service/translations`."""
    babel = Babel(app, default_locale=_SOURCE, locale_selector=_babel_locale)
    with app.app_context():
        available = {str(locale): None for locale in babel.list_translations()}
    app.extensions["newsflash_locales"] = (
        _SOURCE,
        *(name for name in available if name != _SOURCE),
    )

    @app.after_request
    def tell_caches(response: Response) -> Response:
        if g.get("speaks", False):
            if "Vary" in response.headers:
                response.vary.add("Accept-Language")
            else:
                response.headers.add("Vary", "Accept-Language")
        return response


def speak_for(locale: str) -> None:
    """Say, before anything is rendered, which locale the list that this page is about has."""
    g.list_locale = locale


def asked_locale() -> str | None:
    """Return the locale that the request asks for by name, where there is a catalog for it."""
    asked = current_request()
    in_query = asked.args.get("locale") if asked.environ.get("QUERY_STRING") else None
    return _match(in_query or _form_locale(asked))


def page_locale() -> str:
    """Return the locale of the page that answers this request."""
    return _select_locale()


def _babel_locale() -> Locale:
    return _parsed(_select_locale())


# Flask-Babel parses the name again in each request that shows a text.
_parsed = lru_cache(maxsize=_KNOWN)(Locale.parse)


def _form_locale(request: Request) -> str | None:
    if request.method in ("GET", "HEAD"):
        return None
    try:
        return request.form.get("locale")
    except HTTPException:  # a form that cannot be read: the page that says so needs a language too
        return None


def _available() -> tuple[str, ...]:
    return cast(tuple[str, ...], current_app.extensions["newsflash_locales"])


def _select_locale() -> str:
    g.speaks = True
    return (
        asked_locale()
        or _match(g.get("list_locale"))
        or _accepted(request.environ.get("HTTP_ACCEPT_LANGUAGE"), _available())
        or _SOURCE
    )


@lru_cache(maxsize=_KNOWN)
def _accepted(header: str | None, available: tuple[str, ...]) -> str | None:
    return parse_accept_header(header, LanguageAccept).best_match(available)


def _match(wanted: str | None) -> str | None:
    """Return the catalog for `de`, `de-AT` or `de_AT`, be it the language's alone."""
    if not wanted:
        return None
    available = _available()
    if wanted in available:
        return wanted
    normal = wanted.replace("-", "_").lower()
    by_name = {name.lower(): name for name in available}
    return by_name.get(normal) or by_name.get(normal.partition("_")[0])
