"""The gate for text: what a request says is text that every database keeps, or it is refused.

No database is asked with NUL or a lone surrogate. A path that holds one leads nowhere (404). A
query, form or file name with one is refused (422); on visitors' pages, which other tools' query
parameters reach, such a parameter is passed over. A header with NUL is not HTTP (400, RFC 9110,
section 5.5). JSON bodies pass the same gate as they are read (`json_body.py`).
"""

from collections.abc import Iterable, Iterator

from flask import Flask
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import BadRequest, NotFound, UnprocessableEntity

from service.domain.text import UNSTORABLE, is_storable
from service.web.http.context import SHOWN_TEXT_FIELD, current_request
from service.web.middleware.whole_body import WholeBodyRequest

_REFUSES = ("/v1/", "/admin")
"""Where a query is part of what is asked for."""
_HEADERS = ("HTTP_", "CONTENT_")
"""How WSGI's names of headers begin (PEP 3333, "environ Variables")."""


class TextRequest(WholeBodyRequest):
    """A request whose form fields and file names are text that can be kept.

    The field that says which consent text was shown is no one's text: a made-up value is none.
    """

    def _load_form_data(self) -> None:
        """Read the form. Raises `UnprocessableEntity` for one that is not; it is empty then."""
        if "form" in self.__dict__:
            return
        super()._load_form_data()
        self.__dict__["form"] = ImmutableMultiDict(
            (name, value)
            for name, value in self.form.items(multi=True)
            if name != SHOWN_TEXT_FIELD or is_storable(value)
        )
        names = ((name, file.filename or "") for name, file in self.files.items(multi=True))
        wrong = list(_wrong((*self.form.items(multi=True), *names)))
        if wrong:
            self.close()
            self.__dict__["form"] = self.__dict__["files"] = ImmutableMultiDict()
            _refuse("form", wrong)


def init_text_gate(app: Flask) -> None:
    """Have the app look at path, query and headers before any view does."""
    app.request_class = TextRequest

    @app.before_request
    def check_text() -> None:
        request = current_request()
        environ, view_args = request.environ, request.view_args
        for name, value in environ.items():
            if name.startswith(_HEADERS) and "\0" in value:
                raise BadRequest
        for value in view_args.values() if view_args else ():
            if isinstance(value, str) and not is_storable(value):
                raise NotFound
        if not environ.get("QUERY_STRING"):
            return
        if wrong := list(_wrong(request.args.items(multi=True))):
            if request.path.startswith(_REFUSES):
                _refuse("query", wrong)
            kept = [pair for pair in request.args.items(multi=True) if all(map(is_storable, pair))]
            request.__dict__["args"] = ImmutableMultiDict(kept)


def _wrong(fields: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Go through the names of fields that hold what cannot be kept, nameable themselves."""
    for name, value in fields:
        if not is_storable(name):
            yield ""
        elif not is_storable(value):
            yield name


def _refuse(place: str, names: Iterable[str]) -> None:
    error = UnprocessableEntity()
    error.data = {"messages": {place: {name: [UNSTORABLE] for name in names}}}  # type: ignore[attr-defined]
    raise error
